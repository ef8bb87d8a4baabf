//! Reads the files of `tests/vectors`: lines of `name: value`, cases apart by an empty line, comments after `#`.

use core::convert::Infallible;
use std::collections::{BTreeMap, VecDeque};

use data_encoding::HEXLOWER;
use rand_core::{TryCryptoRng, TryRng};

/// One case of a file.
pub(crate) struct Case(BTreeMap<&'static str, &'static str>);

impl Case {
    pub(crate) fn text(&self, name: &str) -> &'static str {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("the case has no {name}"))
    }

    /// Whether what the case says is to work.
    pub(crate) fn succeeds(&self) -> bool {
        match self.text("expect") {
            "success" => true,
            "failure" => false,
            other => panic!("expect: {other}"),
        }
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        HEXLOWER.decode(self.text(name).as_bytes()).unwrap()
    }

    pub(crate) fn array<const N: usize>(&self, name: &str) -> [u8; N] {
        self.bytes(name).try_into().unwrap()
    }
}

/// All cases of a file, at least one.
pub(crate) fn cases(file: &'static str) -> Vec<Case> {
    let cases: Vec<Case> = file
        .split("\n\n")
        .map(|part| {
            let lines = part
                .lines()
                .filter(|line| !line.is_empty() && !line.starts_with('#'));
            let pairs = lines.map(|line| line.split_once(':').unwrap());
            Case(pairs.map(|(name, value)| (name, value.trim())).collect())
        })
        .filter(|case| !case.0.is_empty())
        .collect();
    assert!(!cases.is_empty());
    cases
}

/// Gives out prepared bytes in place of random ones; asked for more, it panics.
pub(crate) struct Script(VecDeque<u8>);

impl Script {
    pub(crate) fn new(parts: &[&[u8]]) -> Self {
        Self(parts.concat().into())
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryRng for Script {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("bytes are asked for, not words")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("bytes are asked for, not words")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill_with(|| self.0.pop_front().expect("the script is long enough"));
        Ok(())
    }
}

impl TryCryptoRng for Script {}
