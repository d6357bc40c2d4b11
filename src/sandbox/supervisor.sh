# Runs one PostgreSQL server and removes it when whoever started it is gone.
#
# Arguments: the private directory, then the command of the server.
# Standard input is a pipe whose other end only the parent holds. Lines on it:
#   start   starts the server (again)
#   keep    the server outlives the parent; its directory goes when the server stops
# At its end, however the parent ended, the server is stopped at once and the directory removed.
# While a server runs the file "pid" holds its process id; when it has stopped, "exited" exists.

root=$1
shift
cd "$root" || exit 1
trap '' HUP INT TERM
started=

stop() {
    [ -n "$started" ] || return 0
    # The subshell below writes the file "pid" right after it has started the server.
    while [ ! -e pid ]; do sleep 0.1; done
    [ ! -e exited ] || return 0
    # A stopped process does not act on a signal until it is continued.
    kill -QUIT "$(cat pid)"
    kill -CONT "$(cat pid)"
    tenths=0
    while [ ! -e exited ]; do
        tenths=$((tenths + 1))
        [ "$tenths" -lt 100 ] || kill -KILL "$(cat pid)"
        sleep 0.1
    done
} 2>/dev/null

while read -r word; do
    case $word in
    start)
        started=1
        rm -f exited pid
        (
            "$@" </dev/null >>server.log 2>&1 &
            echo $! >pid.new && mv pid.new pid
            wait $!
            echo $? >exited.new && mv exited.new exited
        ) &
        ;;
    keep)
        wait
        break
        ;;
    esac
done

stop
cd /
# After a crash, server processes may still be writing.
for _ in 1 2 3 4 5; do
    rm -rf "$root" && break
    sleep 0.2
done 2>/dev/null
