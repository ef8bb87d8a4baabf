//! The first record each way: which protocol versions an end speaks, and which build it is
//! (`docs/spec/channel.md` §4).

use core::fmt;

use thiserror::Error;

/// Bytes of the longest build string.
pub const BUILD_BYTES_MAX: usize = 64;
/// Bytes in front of the build string: two versions and its length.
const HEAD_LEN: usize = 5;
/// Bytes of the longest hello.
pub(crate) const HELLO_LEN_MAX: usize = HEAD_LEN + BUILD_BYTES_MAX;

/// The range of protocol versions that one end speaks, and its build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    version_min: u16,
    version_max: u16,
    build: String,
}

/// No hello, or none that leads to a common version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HelloError {
    /// An empty range, version 0, a build string that is too long or not printable ASCII, a wrong length.
    #[error("a hello that is not well formed")]
    Malformed,
    /// The two ranges do not meet.
    #[error("no common protocol version: this side is {ours}, the other side is {theirs}")]
    NoCommonVersion {
        /// What this end sent.
        ours: Hello,
        /// What the other end sent.
        theirs: Hello,
    },
    /// The highest common version is below one that was spoken with this server before.
    #[error(
        "protocol version {spoken} is refused, since version {pinned} was spoken with this server before: this side is {ours}, the other side is {theirs}"
    )]
    BelowPinned {
        /// The highest common version.
        spoken: u16,
        /// The lowest version that the caller still accepts.
        pinned: u16,
        /// What this end sent.
        ours: Hello,
        /// What the other end sent.
        theirs: Hello,
    },
}

impl Hello {
    /// The versions from `version_min` to `version_max`, and a name of the build for messages to people: at most
    /// [`BUILD_BYTES_MAX`] bytes of printable ASCII.
    ///
    /// # Errors
    /// [`HelloError::Malformed`]
    pub fn new(version_min: u16, version_max: u16, build: &str) -> Result<Self, HelloError> {
        let printable = build.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if version_min == 0
            || version_min > version_max
            || build.len() > BUILD_BYTES_MAX
            || !printable
        {
            return Err(HelloError::Malformed);
        }
        Ok(Self {
            version_min,
            version_max,
            build: build.to_owned(),
        })
    }

    /// The lowest version that this end speaks.
    pub const fn version_min(&self) -> u16 {
        self.version_min
    }

    /// The highest version that this end speaks.
    pub const fn version_max(&self) -> u16 {
        self.version_max
    }

    /// What this end calls its build: printable ASCII, chosen by the end that sent it.
    pub fn build(&self) -> &str {
        &self.build
    }

    /// The highest version in both ranges. Both ends compute the same.
    ///
    /// # Errors
    /// [`HelloError::NoCommonVersion`], or [`HelloError::BelowPinned`] if that version is lower than `pinned`.
    pub fn agree(&self, theirs: &Self, pinned: u16) -> Result<u16, HelloError> {
        let spoken = self.version_max.min(theirs.version_max);
        if spoken < self.version_min.max(theirs.version_min) {
            return Err(HelloError::NoCommonVersion {
                ours: self.clone(),
                theirs: theirs.clone(),
            });
        }
        if spoken < pinned {
            return Err(HelloError::BelowPinned {
                spoken,
                pinned,
                ours: self.clone(),
                theirs: theirs.clone(),
            });
        }
        Ok(spoken)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HELLO_LEN_MAX);
        bytes.extend_from_slice(&self.version_min.to_be_bytes());
        bytes.extend_from_slice(&self.version_max.to_be_bytes());
        // `new` has checked that it fits.
        bytes.push(self.build.len() as u8);
        bytes.extend_from_slice(self.build.as_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HelloError> {
        let ([min_0, min_1, max_0, max_1, build_len], build) = bytes
            .split_first_chunk::<HEAD_LEN>()
            .ok_or(HelloError::Malformed)?;
        if build.len() != usize::from(*build_len) {
            return Err(HelloError::Malformed);
        }
        let build = core::str::from_utf8(build).map_err(|_| HelloError::Malformed)?;
        Self::new(
            u16::from_be_bytes([*min_0, *min_1]),
            u16::from_be_bytes([*max_0, *max_1]),
            build,
        )
    }
}

impl fmt::Display for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} and speaks ", self.build)?;
        match (self.version_min, self.version_max) {
            (min, max) if min == max => write!(f, "version {min}"),
            (min, max) => write!(f, "versions {min} to {max}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(min: u16, max: u16) -> Hello {
        Hello::new(min, max, "build").unwrap()
    }

    #[test]
    fn the_highest_common_version_is_spoken_and_both_ends_agree_on_it() {
        for (a, b, spoken) in [
            ((1, 1), (1, 1), 1),
            ((1, 4), (2, 3), 3),
            ((3, 9), (1, 3), 3),
            ((1, 2), (2, 5), 2),
        ] {
            assert_eq!(hello(a.0, a.1).agree(&hello(b.0, b.1), 0), Ok(spoken));
            assert_eq!(hello(b.0, b.1).agree(&hello(a.0, a.1), 0), Ok(spoken));
        }
    }

    #[test]
    fn ranges_that_do_not_meet_are_named_with_both_builds() {
        let ours = Hello::new(1, 2, "subrosa 0.1.0").unwrap();
        let theirs = Hello::new(5, 5, "subrosa 0.9.0").unwrap();
        let error = ours.agree(&theirs, 0).unwrap_err().to_string();
        assert_eq!(
            error,
            "no common protocol version: this side is \"subrosa 0.1.0\" and speaks versions 1 to 2, \
             the other side is \"subrosa 0.9.0\" and speaks version 5"
        );
        assert!(theirs.agree(&ours, 0).is_err());
    }

    // Proves: C4
    #[test]
    fn a_version_below_the_pinned_one_is_refused() {
        let server = hello(1, 2);
        assert_eq!(hello(1, 3).agree(&server, 2), Ok(2));
        let error = hello(1, 3).agree(&server, 3).unwrap_err();
        assert!(
            matches!(
                error,
                HelloError::BelowPinned {
                    spoken: 2,
                    pinned: 3,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn encoding_and_decoding_are_inverse() {
        for build in ["", "subrosa 0.1.0", &"~".repeat(BUILD_BYTES_MAX)] {
            let hello = Hello::new(1, 0x1234, build).unwrap();
            assert_eq!(Hello::decode(&hello.encode()), Ok(hello.clone()));
            assert!(hello.encode().len() <= HELLO_LEN_MAX);
        }
        assert_eq!(
            Hello::new(1, 2, "ab").unwrap().encode(),
            [0, 1, 0, 2, 2, b'a', b'b']
        );
    }

    #[test]
    fn what_is_not_a_hello_is_refused() {
        let good = Hello::new(1, 2, "ab").unwrap().encode();
        for len in 0..good.len() {
            assert_eq!(
                Hello::decode(&good[..len]),
                Err(HelloError::Malformed),
                "{len}"
            );
        }
        for bad in [
            [good.as_slice(), b"c"].concat(),
            vec![0, 0, 0, 2, 0],
            vec![0, 3, 0, 2, 0],
            vec![0, 1, 0, 2, 1, b'\n'],
            vec![0, 1, 0, 2, 1, 0x7f],
            vec![0, 1, 0, 2, 2, 0xc3, 0xa9],
            vec![0, 1, 0, 2, 1, 0xff],
        ] {
            assert_eq!(Hello::decode(&bad), Err(HelloError::Malformed), "{bad:?}");
        }
        assert_eq!(
            Hello::new(1, 1, &"x".repeat(BUILD_BYTES_MAX + 1)),
            Err(HelloError::Malformed)
        );
    }
}
