#!/bin/sh
# Ask the service of this folder for every kind of value. Usage: ask.sh URL FOLDER-WITH-FILES
set -eu
url=$1
cd "$2"
ask() {
  curl -sS --noproxy '*' "$@"
  echo
}

# JSON, by parameter names
ask "$url/order" -H 'content-type: application/json' -d '{"orders": [{"dish": "unagi", "count": 2}]}'

# the same as form fields: JSON text where the parameter is no text
ask "$url/order" -F 'orders=[{"dish": "unagi"}]' -F table=4

# an array as nested lists, and as .npy
ask "$url/classify" -H 'content-type: application/json' -d '{"x": [[5, 3, 1, 0]]}'
ask "$url/classify" -H 'content-type: application/x-npy' --data-binary @rows.npy

# an array within an object
ask "$url/length" -H 'content-type: application/json' -d '{"route": {"name": "Hokkaido", "stops": [0, 30, 20]}}'

# a picture as a form's file, and as the whole body
curl -sS --noproxy '*' "$url/invert" -F image=@photo.jpg -o inverted.png
curl -sS --noproxy '*' "$url/invert" -H 'content-type: image/jpeg' --data-binary @photo.jpg -o again.png

# several files: the field is repeated
ask "$url/count_words" -F texts=@one.txt -F texts=@two.txt

# a table as records and as CSV
ask "$url/mean" -H 'content-type: application/json' -d '{"frame": [{"sepal": 1, "petal": 2}, {"sepal": 3, "petal": 4}]}'
ask "$url/mean" -H 'content-type: text/csv' --data-binary @table.csv

# an answer in another form
ask "$url/mean" -H 'content-type: text/csv' -H 'accept: text/csv' --data-binary @table.csv

# a root text, and JSON that is passed through
ask "$url/shout" -H 'content-type: text/plain' -d 'bento'
ask "$url/raw_json" -X POST

# a wrong value is told by its place
ask "$url/order" -H 'content-type: application/json' -d '{"orders": [{"dish": "unagi"}, {"dish": "x", "count": "many"}]}'
