"""A stranger's list of packages cannot make uv read, ask or tell anything but packages of an index."""

import pytest

from ekiben.core.errors import ConfigError
from ekiben.images.oci.requirements import check_requirements

HASHES = " \\\n    --hash=sha256:" + "a" * 64 + " \\\n    --hash=sha256:" + "b" * 64


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("# by uv\nnumpy==2.1.0" + HASHES + "\n    # via ekiben\n", id="a lock"),
        pytest.param('--index-url https://a.example/simple\nuvloop==0.22 ; sys_platform != "win32"\n', id="index"),
        pytest.param("--no-index\n--find-links https://wheels.example/all\nekiben[build]==0.1.0", id="links"),
        pytest.param("--trusted-host index.example:8080\nx==1", id="a host"),
    ],
)
def test_lists_of_packages(text: str) -> None:
    """What a lock says is taken."""
    check_requirements(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("--index-url http://host/${SECRET}/simple\nx==1", id="a variable in an address"),
        pytest.param("x==1 ; platform_machine == '${SECRET}'", id="a variable in a marker"),
        pytest.param("-r /etc/passwd", id="another file"),
        pytest.param("--requirement=other.txt", id="another file, long"),
        pytest.param("-c constraints.txt", id="constraints"),
        pytest.param("-e .", id="this folder"),
        pytest.param("x @ file:///etc/x.whl", id="a file of this disk"),
        pytest.param("x @ https://host/x-1-py3-none-any.whl", id="an address in place of an index"),
        pytest.param("./x-1-py3-none-any.whl", id="a path"),
        pytest.param("--find-links /etc", id="a folder of this disk"),
        pytest.param("--find-links file:///etc", id="a folder as an address"),
        pytest.param("--index-url file:///etc", id="an index on this disk"),
        pytest.param("x==1 --config-settings a=b", id="settings of a build"),
        pytest.param("# a comment \\\n-e .", id="a comment that goes on"),
        pytest.param("x==1 \\\n-e .", id="a line that goes on"),
        pytest.param("x==1\x00", id="a control character"),
    ],
)
def test_all_else_is_refused(text: str) -> None:
    """A line that is no package of an index is refused before uv sees it."""
    with pytest.raises(ConfigError, match="list of packages"):
        check_requirements(text)
