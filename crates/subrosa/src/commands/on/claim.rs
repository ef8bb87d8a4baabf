//! One process at a time works for a consumer. The kernel ends the claim with the process.

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use std::os::fd::OwnedFd;
use std::path::Path;
use subrosa_client::Failure;

/// Held while a process works for a consumer.
pub struct Claim {
    _file: OwnedFd,
}

impl Claim {
    /// Takes it, unless another process has it.
    pub fn take(home: &Path, name: &str) -> Result<Self, Failure> {
        let file = format!("on-{}", data_encoding::HEXLOWER.encode(name.as_bytes()));
        let failed = |error: rustix::io::Errno| {
            Failure::user(format!(
                "the home {} takes no file ({error}): check its rights and its disk",
                home.display()
            ))
        };
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = open(home.join(file), flags, Mode::RUSR | Mode::WUSR).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(Failure::user(format!(
                "another process works for {name} already: end it, or name this one with --as"
            ))),
            Err(error) => Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let first = Claim::take(home.path(), "#ops/../x").unwrap();
        let told = Claim::take(home.path(), "#ops/../x").err().unwrap();
        assert!(told.sentence.contains("--as"), "{told}");
        assert!(Claim::take(home.path(), "another").is_ok());
        drop(first);
        assert!(Claim::take(home.path(), "#ops/../x").is_ok());
    }
}
