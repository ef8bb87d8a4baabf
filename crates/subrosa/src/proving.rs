//! How a person proves an account to a verb, and chooses a new password: at a prompt, from a file or
//! from standard input; never on the command line or in the environment.

use crate::seat::Setting;
use crate::{secret, terminal};
use clap::Args;
use std::path::PathBuf;
use subrosa_client::Failure;
use subrosa_client::enrol::{Choice, Proof};

/// By what an account is proved.
#[derive(Debug, Args)]
pub struct Proving {
    /// Prove the account by the recovery code in place of the password
    #[arg(long)]
    recovery: bool,
    /// Take the password, or the code, from the first line of a file, - for standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Which password comes next.
#[derive(Debug, Args)]
pub struct Choosing {
    /// Choose a password yourself instead of taking a generated passphrase
    #[arg(long, conflicts_with = "new_password_file")]
    own_password: bool,
    /// Take the new password from the first line of a file, - for standard input
    #[arg(long, value_name = "FILE")]
    new_password_file: Option<PathBuf>,
}

impl Proving {
    /// Asks for it.
    pub async fn proof(&self, setting: &Setting, name: &str) -> anyhow::Result<Proof> {
        let what = if self.recovery {
            "recovery code"
        } else {
            "password"
        };
        let typed = match &self.password_file {
            Some(file) => secret::read(file, what)?,
            None if setting.can_ask() => {
                let question = if self.recovery {
                    format!("Recovery code of {name}")
                } else {
                    format!("Password of {name}")
                };
                terminal::ask_secret(&question).await?
            }
            None => {
                let sentence = format!(
                    "nobody can be asked for the {what} here: give it with --password-file"
                );
                return Err(Failure::user(sentence).into());
            }
        };
        Ok(if self.recovery {
            Proof::recovery(typed)?
        } else {
            Proof::password(typed)?
        })
    }
}

impl Choosing {
    /// Asks for it, if it is to be the person's own.
    pub async fn choice(&self, setting: &Setting) -> anyhow::Result<Choice> {
        if let Some(file) = &self.new_password_file {
            return Ok(Choice::Password(secret::read(file, "new password")?));
        }
        if !self.own_password {
            return Ok(Choice::Generate);
        }
        if setting.can_ask() {
            return Ok(Choice::Password(
                terminal::ask_new_secret("password").await?,
            ));
        }
        Err(Failure::user(
            "nobody can be asked for the new password here: give it with --new-password-file",
        )
        .into())
    }
}
