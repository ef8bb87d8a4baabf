//! The vault: what a password or recovery code opens (`docs/spec/e2e.md` §3).

mod contents;
mod founding;
mod history;
mod opened;
mod slot;

pub use founding::{Founding, found_account};
pub use history::{HistoryOpener, Pack};
pub use opened::{OpenedVault, Rewritten, SecretChange, VaultError, open_vault};
pub use slot::{Credential, Slot, SlotSecret};

#[cfg(test)]
mod tests;
