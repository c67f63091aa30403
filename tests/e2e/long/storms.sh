#!/bin/sh
# A hundred storms of kill -9, in place of the two of make check.
STORMS=${STORMS:-100} exec sh "$(dirname "$0")/../storm.sh"
