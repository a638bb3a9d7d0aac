#!/bin/bash
# Shows: a step of the image's making. 2026-11-21, written before the translator was read.
set -e
mkdir -p /opt/scorer
