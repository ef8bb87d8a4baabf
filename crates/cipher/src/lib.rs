//! The one cipher of Subrosa: AES-256-CBC, then HMAC-SHA-256, under keys that know what they are for
//! (`docs/spec/cipher.md`).
//!
//! A [`Key`] is 32 secret bytes with a [`Purpose`] in its type. [`Key::prepare`] expands it once into a
//! [`SealKey`], which then seals and opens any number of texts, each under its own number `n`:
//!
//! ```
//! use subrosa_cipher::{Key, purpose};
//!
//! let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//! let key = Key::<purpose::Vault>::generate(&mut rng).prepare();
//!
//! let mut sealed = Vec::new();
//! key.seal(7, b"whose vault", b"what is in it", &mut sealed);
//!
//! let mut plaintext = Vec::new();
//! key.open(7, b"whose vault", &sealed, &mut plaintext)?;
//! assert_eq!(plaintext, b"what is in it");
//! # Ok::<(), subrosa_cipher::OpenError>(())
//! ```
//!
//! The caller has one duty: under one key, never seal two different texts with the same `n`
//! (`docs/spec/cipher.md` §3).
//!
//! [`SealKey::seal_many`] and [`SealKey::verify_many`] work on many texts in lock-step, which keeps the pipelines of
//! the processor full where a single CBC chain leaves them idle. The output is the same, byte for byte.

mod key;
mod lanes;
mod primitives;
pub mod purpose;
mod seal;

pub use key::Key;
pub use lanes::LANES;
pub use primitives::{BLOCK, TAG_LEN};
pub use purpose::Purpose;
pub use seal::{Authentic, OpenError, SealKey, Sealed, Text, sealed_len};
