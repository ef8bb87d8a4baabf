//! What lies in the memory of a process, and in any other heap of bytes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Everything that a running process can write: heap, stacks, globals.
pub fn memory_of(process: u32) -> Vec<u8> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mut memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let mut all = Vec::new();
    for map in maps.lines() {
        let (range, rest) = map.split_once(' ').unwrap();
        if !rest.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|hex| u64::from_str_radix(hex, 16).unwrap());
        memory.seek(SeekFrom::Start(start)).unwrap();
        // A part of it may be gone by now.
        let _ = (&mut memory).take(end - start).read_to_end(&mut all);
    }
    all
}

/// Whether a secret lies somewhere in it as it is.
pub fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    bytes.windows(secret.len()).any(|part| part == secret)
}
