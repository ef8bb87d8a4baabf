# `just` without arguments lists these. None does more than the command it shows.

_list:
    @just --list --unsorted

# what must hold before a commit, without the slow parts
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo xtask tidy

# all tests
test:
    cargo test
    cargo test -p xtask

# test vectors computed anew from the specification (needs Python's `cryptography`, 48 or later)
vectors:
    python3 docs/spec/recompute.py

# writes the `Tests:` lines of SECURITY.md from the `Proves:` comments of the tests
claims:
    cargo xtask claims

# speed of the cipher, the channel and the login; numbers are for one core
bench:
    cargo bench -p subrosa-cipher
    cargo bench -p subrosa-channel
    cargo bench -p subrosa-login

# Subrosa beside OpenSSH, socat, mosquitto, NATS and Prosody; writes docs/benchmarks.md (first, as root: benches/peers/install)
peers *arguments:
    cargo build --release --locked
    benches/peers/run.py {{arguments}}

# how many verbs, options and settings there are
surface:
    cargo test -p subrosa --bin subrosa there_are_fewer_than_forty_settings -- --nocapture

# searches, and verbs as whole processes, over a home with so many messages; `send` beside an owner that runs
verbs rows="1000000" rounds="31":
    cargo bench -p subrosa-client --bench search -- {{rows}}
    cargo build --release --locked
    benches/verbs/run.py --home target/tmp/filled/{{rows}} --rounds {{rounds}}

# instructions of the hot paths, against those noted (needs valgrind; with --write they are noted anew)
counts *args:
    cargo xtask counts {{args}}

# people, devices, rooms, restarts, losses and partitions from a thousand seeds; half an hour on one core
simulate seeds="1000" first="0" acts="40" burst="16" late="4":
    FIRST={{first}} SEEDS={{seeds}} ACTS={{acts}} BURST={{burst}} LATE={{late}} LAG_MS=2000 cargo test --release -p subrosa-client --lib every_device_reads -- --nocapture

# the models of channel and login (builds Verifpal first if it is not there)
models:
    docs/models/run

# what the first message costs in rooms of 3, 50, 300 and 1,000 devices, and what a day leaves at the server
rooms:
    cargo test --release -p subrosa-client --lib engine::tests::large -- --ignored --nocapture
    cargo test --release -p subrosa-server --test post_office large -- --ignored --nocapture

# every state that three people can reach in a room, against the model of the rules; minutes
membership:
    cargo test --release -p subrosa-ledger --test ledger exhaustive -- --ignored --nocapture
# the decoders under random bytes for so many seconds; what breaks is kept in target/fuzz
fuzz seconds="60":
    SUBROSA_FUZZ_SECONDS={{seconds}} cargo test -p subrosa-adversary --test decoders -- --nocapture

# the seeds of the decoders' corpus, anew after a format has changed
fuzz-seeds:
    SUBROSA_WRITE_SEEDS=1 cargo test -p subrosa-adversary --test decoders

# how long the terminal UI takes for a frame: 100,000 messages scrolled through, 200 a second received
frames:
    cargo test --release -p subrosa --bin subrosa frames_of_a_long_history -- --ignored --nocapture

# the real terminal UI with a million stored messages: start, memory, taking over (small: --rows 20000 --profile dev)
chat *arguments:
    benches/chat/run.py {{arguments}}

# the README's picture of the terminal UI, drawn anew by the UI itself
picture:
    SUBROSA_DRAW=1 cargo test -p subrosa --bin subrosa the_picture_of_the_readme

# a server and two people in a temporary folder
demo:
    cargo run --release -- demo

# licences, double versions, sources of dependencies (needs cargo-deny)
deny:
    cargo deny --locked check licenses bans sources

# everything, as on the machine that checks changes
ci:
    .ci/run
