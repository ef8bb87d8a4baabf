//! What proves an account: its password or its recovery code, as a person gave it.

use crate::command::Failure;
use subrosa_e2e::Slot;
use subrosa_login::{Credential, RecoveryCode, Secret};
use zeroize::Zeroizing;

/// A password or a recovery code that can be one: a code with a typing error is refused here,
/// before anything is sent.
pub struct Proof {
    typed: Zeroizing<String>,
    slot: Slot,
}

impl Proof {
    /// A password.
    ///
    /// # Errors
    /// It is empty, too long, or holds control characters.
    pub fn password(typed: Zeroizing<String>) -> Result<Self, Failure> {
        Secret::password(&typed).map_err(|error| Failure::user(error.to_string()))?;
        let slot = Slot::Password;
        Ok(Self { typed, slot })
    }

    /// A recovery code.
    ///
    /// # Errors
    /// It has a typing error.
    pub fn recovery(typed: Zeroizing<String>) -> Result<Self, Failure> {
        RecoveryCode::parse(&typed).map_err(|error| Failure::user(error.to_string()))?;
        let slot = Slot::Recovery;
        Ok(Self { typed, slot })
    }

    /// Whichever of the two it is.
    ///
    /// # Errors
    /// As [`Proof::password`].
    pub fn either(typed: Zeroizing<String>) -> Result<Self, Failure> {
        if RecoveryCode::parse(&typed).is_ok() {
            return Self::recovery(typed);
        }
        Self::password(typed)
    }

    /// Whether it is the recovery code.
    #[must_use]
    pub fn is_recovery(&self) -> bool {
        self.slot == Slot::Recovery
    }

    pub(super) const fn slot(&self) -> Slot {
        self.slot
    }

    pub(super) const fn credential(&self) -> Credential {
        match self.slot {
            Slot::Password => Credential::Password,
            Slot::Recovery => Credential::Recovery,
        }
    }

    /// Its normal form.
    pub(super) fn secret(&self) -> Result<Secret, Failure> {
        let refused = |error: &dyn std::fmt::Display| Failure::user(error.to_string());
        match self.slot {
            Slot::Password => Secret::password(&self.typed).map_err(|error| refused(&error)),
            Slot::Recovery => RecoveryCode::parse(&self.typed)
                .map(|code| code.secret())
                .map_err(|error| refused(&error)),
        }
    }

    /// What is said when the server does not take it.
    pub(super) fn refusal(&self) -> Failure {
        Failure::user(match self.slot {
            Slot::Password => {
                "the name or the password is wrong; check both and try again, or set a new password by the recovery code with `subrosa recover`"
            }
            Slot::Recovery => {
                "the name or the recovery code is wrong, or the code was renewed since: try the one on your newest sheet. If password and code are both lost nobody can open the account: whoever runs the server can free its name with `subrosa admin release NAME` and make a line for a new account with `subrosa admin invite`, which your contacts see as a different person until they accept it"
            }
        })
    }
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proof({:?}, redacted)", self.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::Proof;
    use zeroize::Zeroizing;

    #[test]
    fn a_code_with_a_wrong_character_is_refused_and_not_shown() {
        let mut rng = crate::randomness::system();
        let code = subrosa_login::RecoveryCode::generate(&mut rng).to_groups();
        let proof = Proof::recovery(code.clone()).unwrap();
        assert!(proof.is_recovery() && !format!("{proof:?}").contains(&code[..4]));
        for at in 0..code.len() {
            let mut wrong = code.as_bytes().to_vec();
            if wrong[at] == b'-' {
                continue;
            }
            wrong[at] = if wrong[at] == b'7' { b'8' } else { b'7' };
            let typed = Zeroizing::new(String::from_utf8(wrong).unwrap());
            let told = Proof::recovery(typed).unwrap_err().sentence;
            assert!(told.contains("typing error"), "{told}");
        }
        assert!(Proof::either(code).unwrap().is_recovery());
        let password = Zeroizing::new("a password".to_owned());
        assert!(!Proof::either(password).unwrap().is_recovery());
    }
}
