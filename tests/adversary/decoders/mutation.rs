//! Changes to bytes, by a generator of its own with a fixed beginning: a run that fails, fails again.

/// Heads of CBOR that promise much: long strings, arrays and maps, numbers in several lengths, breaks, tags.
const HEADS: [&[u8]; 16] = [
    &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0x5a, 0x7f, 0xff, 0xff, 0xff],
    &[0x7b, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00],
    &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0x9a, 0x00, 0xff, 0xff, 0xff],
    &[0xbb, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0x1b, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01],
    &[0x18, 0x01],
    &[0x19, 0x00, 0x01],
    &[0x9f],
    &[0x5f],
    &[0xff],
    &[0xc0],
    &[0xf7],
    &[0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
];

/// The longest that is tried.
const LONGEST: usize = 128 * 1024;

pub struct Mutator(u64);

impl Mutator {
    pub const fn new(number: u64) -> Self {
        Self(number ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        if end == 0 {
            return 0;
        }
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// One of the seeds with one to four changes.
    pub fn mutate(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, seeds);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(bytes.len());
        match self.below(10) {
            0 | 1 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            2 if !bytes.is_empty() => bytes[at] = [0, 0xff, 0x7f, 0x80][self.below(4)],
            3 => bytes.truncate(at),
            4 => {
                let more = self.below(64);
                let byte = self.next().to_le_bytes()[0];
                bytes.extend(std::iter::repeat_n(byte, more));
            }
            5 => {
                let head = HEADS[self.below(HEADS.len())];
                let end = (at + self.below(head.len() + 1)).min(bytes.len());
                bytes.splice(at..end, head.iter().copied());
            }
            6 => {
                let end = at + self.below(bytes.len() - at + 1);
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            7 => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len());
                bytes.splice(at.., other[from..].iter().copied());
            }
            8 => {
                let end = at + self.below(bytes.len() - at + 1);
                bytes.drain(at..end);
            }
            _ => {
                let byte = self.next().to_le_bytes()[0];
                bytes.insert(at, byte);
            }
        }
    }
}
