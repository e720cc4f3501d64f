#!/bin/sh
# Whether the loop of process 1 (or $1), worker or dispatcher, still turns: both wake up
# at least every second, also while Redis or PostgreSQL is away. A frozen or locked-up
# process never sleeps anew; nor does a dispatcher whose PostgreSQL holds its connection
# and never answers. It says nothing about whether analyses succeed.
pid=${1:-1}
naps() {
    while read -r name count; do
        [ "$name" != voluntary_ctxt_switches: ] || echo "$count"
    done <"/proc/$pid/status"
}
before=$(naps)
sleep 3
[ "$(naps)" != "$before" ]
