# Runs a line of the build file.
exec /bin/sh -ec "$1"
