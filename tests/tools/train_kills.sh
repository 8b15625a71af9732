# A short piece of the soak test, which says what it checks.
PATHLINE=$1 exec bash "$2/tests/soak/kills.sh" 3
