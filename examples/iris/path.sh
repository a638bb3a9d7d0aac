#!/usr/bin/env bash
# From a laptop to a container: save, serve, build, export, import, push, pull, containerize, and ask at every stop.
#
# In: Ekiben with [sklearn,build] and `python` on the PATH, curl, a registry, an engine for containers; the variables
# below. Out: ["setosa"] four times, 0; the image iris-path in the engine. Three new homes stand for three machines.
set -euo pipefail

registry=${REGISTRY:-localhost:5000/team} # any OCI registry that you may push to
engine=${ENGINE:-podman}                  # or docker
port=${PORT:-3000}
read -ra options <<<"${RUN_OPTIONS-}" # more of `podman run`, such as --memory 512m

work=$(mktemp -d)
server='' container=''
leave() {
    [[ -z $server ]] || kill "$server" || true
    [[ -z $container ]] || "$engine" rm -f "$container" >/dev/null || true
    rm -rf "$work"
}
trap leave EXIT

say() { printf '\n== %s\n' "$*"; }

# Ask whatever listens, as soon as it is ready; a wrong answer ends the script.
ask() {
    curl -s -o /dev/null --fail --retry 100 --retry-delay 1 --retry-all-errors "localhost:$port/readyz" ||
        { echo "nothing is ready on port $port" >&2 && return 1; }
    curl -sS --fail "localhost:$port/species" -H 'content-type: application/json' \
        -d '{"flowers": [[5.1, 3.5, 1.4, 0.2]]}' | grep -F '["setosa"]'
}

# Serve a target, ask it, stop it.
serve_and_ask() {
    ekiben -q serve "$1" --port "$port" &
    server=$!
    ask
    kill "$server"
    wait "$server"
    server=''
}

say 'On the laptop: save the model, serve it by a service'
export EKIBEN_HOME=$work/laptop
cd "$(dirname "${BASH_SOURCE[0]}")"
python train.py
serve_and_ask service.py:Iris

say 'Build a bento of the service, serve it from another folder'
tag=$(ekiben build -o tag)
cd "$work"
serve_and_ask "bento:$tag"

say 'Export it to a file; on a second machine, import and verify it'
ekiben export "$tag" iris.bento
export EKIBEN_HOME=$work/second
ekiben import iris.bento
ekiben verify

say "Push it to $registry; on a third machine, pull and serve it"
ekiben push "$tag" "$registry"
export EKIBEN_HOME=$work/third
ekiben pull "$tag" "$registry"
serve_and_ask "bento:$tag"

say 'Make an image of it, and ask the container'
ekiben containerize "$tag" -t iris-path --engine "$engine"
container=$("$engine" run -d -p "127.0.0.1:$port:3000" "${options[@]}" iris-path)
ask
"$engine" stop "$container" >/dev/null
