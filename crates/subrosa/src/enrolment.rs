//! From an invite line, or a password, to a home with an account in it.

use crate::papers::Papers;
use crate::seat::{Setting, account, enrolled};
use crate::signals::Signals;
use crate::{secret, sheet, terminal};
use clap::Args;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use subrosa_client::enrol::{self, Choice, NameWish, Proof, Sheet, Whose};
use subrosa_client::{Client, Driver, Failure, Home};
use subrosa_proto::{Address, InviteLine, Name, limits};
use zeroize::Zeroizing;

/// What a person may wish for a new account.
#[derive(Debug, Args)]
pub struct Wishes {
    /// Account name; without it the system's user name, or the next that is free
    #[arg(long, value_name = "NAME", value_parser = Name::new)]
    pub name: Option<Name>,
    /// Choose a password yourself instead of taking a generated passphrase
    #[arg(long, conflicts_with = "password_file")]
    pub own_password: bool,
    /// Take the password from the first line of a file, - for standard input
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Encrypt what is kept here under a passphrase (asked, or from --unlock-file)
    #[arg(long)]
    pub lock: bool,
}

/// A home that has just got its account.
pub struct Enrolled {
    /// The home.
    pub home: Home,
    /// Its name among this machine's profiles; none for a folder named with --home.
    pub profile: Option<String>,
    /// What the person must keep; none where an interrupted start had made the account already.
    pub sheet: Option<Sheet>,
    /// The passphrase of the home, if it is locked.
    pub unlock: Option<Zeroizing<String>>,
}

/// Where a new account goes.
struct Place {
    dir: PathBuf,
    /// It gets the account's name when that is known.
    unnamed: bool,
}

/// Makes an account by an invite line. `mark` tells one unfinished start from another.
pub async fn join(
    setting: &Setting,
    line: &InviteLine,
    wishes: &Wishes,
    mark: &impl Hash,
    signals: &mut Signals,
) -> anyhow::Result<Enrolled> {
    let place = place(setting, mark)?;
    let joined = join_in(setting, &place, line, wishes, signals).await;
    place.tidy(joined.is_err());
    joined
}

async fn join_in(
    setting: &Setting,
    place: &Place,
    line: &InviteLine,
    wishes: &Wishes,
    signals: &mut Signals,
) -> anyhow::Result<Enrolled> {
    let unlock = signals.during(new_lock(setting, wishes.lock)).await?;
    if let Some(home) = enrolled(&place.dir)?.filter(|_| place.unnamed) {
        return adopt(setting, home, unlock).await;
    }
    let wish = signals.during(name(setting, wishes)).await?;
    let choice = signals.during(choice(setting, wishes)).await?;
    let home = open(&place.dir)?;
    let mut progress = |step: &str| setting.output.talk(&format!("{step} …"));
    let lock = unlock.as_ref().map(|lock| lock.as_str());
    let label = device_label();
    let joining = enrol::join(&home, line, wish, choice, lock, &label, &mut progress);
    let sheet = signals.during(async { Ok(joining.await?) }).await?;
    let name = Name::new(&sheet.name).map_err(|error| Failure::defect(error.to_string()))?;
    let (home, profile) = settle(setting, home, place, &name)?;
    Ok(Enrolled {
        home,
        profile,
        sheet: Some(sheet),
        unlock,
    })
}

/// Makes the home of a bot by its line.
pub async fn join_as_bot(
    setting: &Setting,
    line: &InviteLine,
    wishes: &Wishes,
    signals: &mut Signals,
) -> anyhow::Result<Enrolled> {
    if wishes.name.is_some() || wishes.own_password || wishes.password_file.is_some() {
        let sentence = "a bot has its name from its line, and no password: leave --name, --own-password and --password-file away";
        return Err(Failure::user(sentence).into());
    }
    let name = line.bot.clone();
    let name = name.ok_or_else(|| Failure::defect("the line is no bot's"))?;
    let place = place(setting, &line.secret.0)?;
    let unlock = signals.during(new_lock(setting, wishes.lock)).await?;
    if let Some(home) = enrolled(&place.dir)?.filter(|_| place.unnamed) {
        return adopt(setting, home, unlock).await;
    }
    let home = open(&place.dir)?;
    let mut progress = |step: &str| setting.output.talk(&format!("{step} …"));
    let lock = unlock.as_ref().map(|lock| lock.as_str());
    let label = device_label();
    let joining = enrol::join_as_bot(&home, line, lock, &label, &mut progress);
    let done = signals.during(async { Ok(joining.await?) }).await;
    place.tidy(done.is_err());
    done?;
    let (home, profile) = settle(setting, home, &place, &name)?;
    Ok(Enrolled {
        home,
        profile,
        sheet: None,
        unlock,
    })
}

/// An account that is to be taken back.
pub struct Recovery<'a> {
    /// Its server.
    pub address: &'a Address,
    /// Its name there.
    pub name: &'a Name,
    /// Its recovery code.
    pub code: &'a Proof,
    /// The new password.
    pub choice: Choice,
    /// Whether what is kept here is locked by a passphrase.
    pub lock: bool,
}

/// Takes an account back by its recovery code.
pub async fn recover(
    setting: &Setting,
    recovery: Recovery<'_>,
    signals: &mut Signals,
) -> anyhow::Result<Enrolled> {
    let Recovery { address, name, .. } = recovery;
    let place = place(setting, &("recover", address.key, name.as_str()))?;
    let unlock = signals.during(new_lock(setting, recovery.lock)).await?;
    if let Some(home) = enrolled(&place.dir)?.filter(|_| place.unnamed) {
        return adopt(setting, home, unlock).await;
    }
    let home = open(&place.dir)?;
    let mut papers = Papers::new(&home, setting.output, address.to_string(), name.to_string());
    let mut progress = |step: &str| setting.output.talk(&format!("{step} …"));
    let label = device_label();
    let into = enrol::Place {
        home: &home,
        lock: unlock.as_ref().map(|lock| lock.as_str()),
        device_label: &label,
    };
    let whose = Whose { address, name };
    let (code, choice) = (recovery.code, recovery.choice);
    let recovering = enrol::recover(into, whose, code, choice, &mut papers, &mut progress);
    let done = signals.during(async { Ok(recovering.await?) }).await;
    place.tidy(done.is_err());
    done?;
    papers.count()?;
    drop(papers);
    let (home, profile) = settle(setting, home, &place, name)?;
    Ok(Enrolled {
        home,
        profile,
        sheet: None,
        unlock,
    })
}

/// Adds this machine to an account that exists.
pub async fn login(
    setting: &Setting,
    address: &Address,
    name: &Name,
    password: Zeroizing<String>,
    lock: bool,
    signals: &mut Signals,
) -> anyhow::Result<Enrolled> {
    let place = place(setting, &(address.key, name.as_str()))?;
    let unlock = signals.during(new_lock(setting, lock)).await?;
    if let Some(home) = enrolled(&place.dir)?.filter(|_| place.unnamed) {
        return adopt(setting, home, unlock).await;
    }
    let home = open(&place.dir)?;
    let mut progress = |step: &str| setting.output.talk(&format!("{step} …"));
    let lock = unlock.as_ref().map(|lock| lock.as_str());
    let label = device_label();
    let logging_in = enrol::login(&home, address, name, password, lock, &label, &mut progress);
    let done = signals.during(async { Ok(logging_in.await?) }).await;
    if done.is_err() && place.unnamed {
        // Nothing of worth is in it: a further device is simply tried again.
        drop(std::fs::remove_dir_all(&place.dir));
    }
    done?;
    let (home, profile) = settle(setting, home, &place, name)?;
    Ok(Enrolled {
        home,
        profile,
        sheet: None,
        unlock,
    })
}

impl Enrolled {
    /// Says which profile it is, where there are several.
    pub fn tell(&self, setting: &Setting) {
        if let Some(profile) = &self.profile
            && setting.folders.default_profile().as_ref() != Some(profile)
        {
            setting.output.talk(&format!(
                "this machine has an account already: the new one is the profile {profile}; use it with `subrosa -p {profile} …`"
            ));
        }
    }

    /// Gives the sheet to the person, or returns it to be shown on a screen that is filled.
    pub fn hand_over(
        &self,
        setting: &Setting,
        plain: bool,
    ) -> anyhow::Result<Option<Zeroizing<String>>> {
        match &self.sheet {
            Some(sheet) if setting.fills_screen(plain) => Ok(Some(sheet::text(sheet))),
            Some(sheet) => sheet::hand_over(sheet, &self.home, setting.output).map(|()| None),
            None => Ok(None),
        }
    }

    /// Takes a seat in it.
    pub async fn sit(self, face: &str) -> anyhow::Result<Client> {
        Ok(Client::open(self.home, face, Driver::new(self.unlock)).await?)
    }
}

impl Place {
    /// Takes the folder away again when a start has failed and left nothing of worth.
    fn tidy(&self, failed: bool) {
        if failed
            && self.unnamed
            && self.dir.is_dir()
            && let Ok(home) = open(&self.dir)
        {
            enrol::clear_unused(&home);
        }
    }
}

fn place(setting: &Setting, mark: &impl Hash) -> Result<Place, Failure> {
    if let Some(dir) = setting.named_home()? {
        if enrolled(&dir)?.is_some() {
            let sentence = format!(
                "{} holds an account already: leave --home and -p away to make a further one, or name another",
                dir.display()
            );
            return Err(Failure::user(sentence));
        }
        return Ok(Place {
            dir,
            unnamed: false,
        });
    }
    // The same line leads to the same folder, so that a start which was cut short goes on.
    let mut hasher = DefaultHasher::new();
    mark.hash(&mut hasher);
    let dir = setting.folders.unnamed_home(hasher.finish())?;
    Ok(Place { dir, unnamed: true })
}

fn settle(
    setting: &Setting,
    home: Home,
    place: &Place,
    name: &Name,
) -> Result<(Home, Option<String>), Failure> {
    if place.unnamed {
        let profile = setting.folders.settle(&place.dir, name)?;
        setting.folders.point_at(&profile)?;
        return Ok((open(&setting.folders.profile(&profile)?)?, Some(profile)));
    }
    if let Some(profile) = &setting.global.profile {
        setting.folders.point_at(profile)?;
    }
    Ok((home, setting.global.profile.clone()))
}

/// An earlier start made the account and was cut short before the home had its name.
async fn adopt(
    setting: &Setting,
    home: Home,
    unlock: Option<Zeroizing<String>>,
) -> anyhow::Result<Enrolled> {
    let dir = home.dir().to_owned();
    let client = setting.sit_in(home.clone(), "join", unlock.clone()).await?;
    let who = account(&client).await;
    client.close().await;
    let name = Name::new(&who?.name).map_err(|error| Failure::defect(error.to_string()))?;
    let (home, profile) = settle(setting, home, &Place { dir, unnamed: true }, &name)?;
    setting.output.talk(&format!(
        "an earlier start had made the account {name} already and was cut short: going on with it"
    ));
    Ok(Enrolled {
        home,
        profile,
        sheet: None,
        unlock,
    })
}

fn open(dir: &Path) -> Result<Home, Failure> {
    Home::open(dir).map_err(|error| Failure::user(error.to_string()))
}

/// A name cannot be changed later, so it is asked for where somebody can be asked.
async fn name(setting: &Setting, wishes: &Wishes) -> anyhow::Result<NameWish> {
    if let Some(name) = &wishes.name {
        return Ok(NameWish::Exact(name.clone()));
    }
    let proposed = proposed_name()?;
    if !setting.can_ask() {
        return Ok(NameWish::Free(proposed));
    }
    loop {
        let answer = terminal::ask("Your name there", proposed.as_str()).await?;
        match Name::new(&answer) {
            Ok(name) if name == proposed => return Ok(NameWish::Free(name)),
            Ok(name) => return Ok(NameWish::Exact(name)),
            Err(error) => setting.output.talk(&error.to_string()),
        }
    }
}

async fn choice(setting: &Setting, wishes: &Wishes) -> anyhow::Result<Choice> {
    if let Some(file) = &wishes.password_file {
        return Ok(Choice::Password(secret::read(file, "password")?));
    }
    if !wishes.own_password {
        return Ok(Choice::Generate);
    }
    if setting.can_ask() {
        return Ok(Choice::Password(
            terminal::ask_new_secret("password").await?,
        ));
    }
    Err(
        Failure::user("nobody can be asked for the password here: give it with --password-file")
            .into(),
    )
}

async fn new_lock(setting: &Setting, lock: bool) -> anyhow::Result<Option<Zeroizing<String>>> {
    match &setting.global.unlock_file {
        _ if !lock => Ok(None),
        Some(file) => Ok(Some(secret::read(file, "passphrase of the home")?)),
        None if setting.can_ask() => Ok(Some(
            terminal::ask_new_secret("passphrase for what is kept here").await?,
        )),
        None => Err(Failure::user(
            "nobody can be asked for the passphrase here: give it with --unlock-file",
        )
        .into()),
    }
}

/// The system's user name, as far as it can be an account name.
pub fn proposed_name() -> Result<Name, Failure> {
    let of_variable = |name| {
        std::env::var(name)
            .ok()
            .and_then(|text| fitting_name(&text))
    };
    let of_folder = || {
        let home = etcetera::home_dir().ok()?;
        fitting_name(&home.file_name()?.to_string_lossy())
    };
    let found = of_variable("USER")
        .or_else(|| of_variable("LOGNAME"))
        .or_else(of_folder);
    found
        .or_else(|| fitting_name("me"))
        .ok_or_else(|| Failure::user("no account name can be proposed: choose one with --name"))
}

fn fitting_name(text: &str) -> Option<Name> {
    let text = text.to_lowercase();
    let allowed =
        |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    let fitting: String = text
        .chars()
        .filter(allowed)
        .take(limits::NAME_BYTES_MAX)
        .collect();
    Name::new(fitting.trim_start_matches(['.', '-'])).ok()
}

/// What other devices of the account see of this one.
fn device_label() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    if name.is_empty() {
        "a device".to_owned()
    } else {
        name.chars().take(limits::NAME_BYTES_MAX).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_becomes_an_account_name() {
        let of = |text: &str| fitting_name(text).map(|name| name.to_string());
        assert_eq!(of("Ada").as_deref(), Some("ada"));
        assert_eq!(
            of("DOMAIN\\Ada Lovelace").as_deref(),
            Some("domainadalovelace")
        );
        assert_eq!(of("-x").as_deref(), Some("x"));
        assert_eq!(of("日本"), None);
        assert_eq!(of(&"x".repeat(99)).map(|name| name.len()), Some(32));
    }

    #[test]
    fn somebody_always_has_a_name_and_a_device() {
        assert!(!proposed_name().unwrap().as_str().is_empty());
        assert!(!device_label().is_empty());
    }
}
