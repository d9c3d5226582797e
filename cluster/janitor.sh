# Waits until nobody holds the other end of standard input any more, then removes what a dead cluster leaves on the
# machine: its control groups ($GROUP, in every hierarchy) and its folder ($FOLDER). It is a process apart, because the
# cluster may die of SIGKILL; and a shell, because it waits for hours and a shell waits in one megabyte.

while read -r _; do :; done
cd / || exit 1

each_hierarchy() {
    for root in /sys/fs/cgroup /sys/fs/cgroup/*; do
        if [ -d "$root/$GROUP" ]; then "$1" "$root/$GROUP"; fi
    done
}

thaw() { # A frozen process does not even die.
    find "$1" -name freezer.state | while read -r file; do echo THAWED >"$file"; done
}

kill_all() {
    find "$1" -name cgroup.procs -exec cat {} + | while read -r pid; do kill -9 "$pid"; done
}

remove() { find "$1" -depth -type d -exec rmdir {} +; }

attempts=0
while [ -n "$(each_hierarchy echo)" ] && [ "$attempts" -lt 100 ]; do
    attempts=$((attempts + 1))
    each_hierarchy thaw
    each_hierarchy kill_all
    each_hierarchy remove
    [ -z "$(each_hierarchy echo)" ] || sleep 0.05
done 2>/dev/null

rm -rf -- "$FOLDER"
