//! Devices that were away for so long that their prekeys ran out: what is told where they are left out, and to them when
//! they are back (docs/spec/e2e.md §10.2, §10.9).

use super::inbox::Spot;
use super::talk::Talk;
use super::turn::Turn;
use super::{Engine, EngineError, fact};
use subrosa_proto::{AccountId, DeviceId, LOGOUT_ID, Prekey, decode, limits, record};

record! {
    /// When nobody could seal to this device.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct Away {
        /// From then on.
        from_ms: u64,
        /// Up to then.
        to_ms: u64,
    }
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// The message is older than this device.
    Before,
    Away,
    Other,
}

impl Reason {
    const fn words(self, archive: bool) -> &'static str {
        match (self, archive) {
            (Self::Away, true) => {
                "this device was away for more than 30 days and its key was not sealed to it; it is in your archive, which `subrosa login` with -p and another profile brings"
            }
            (Self::Away, false) => {
                "this device was away for more than 30 days and its key was not sealed to it; there is no archive here, so it is lost to this device"
            }
            (Self::Before, false) => {
                "it was written before this device was added; there is no archive here, so it is lost to this device"
            }
            (Self::Before, true) | (Self::Other, _) => {
                "its key was not sealed to this device; another device of this account may show it"
            }
        }
    }
}

impl Engine {
    /// Before the next prekey is made: whether the last one ran out long ago. Those who seal hear of the next one
    /// within a session's life.
    pub(super) fn note_away(&self, turn: &Turn<'_>) -> Result<(), EngineError> {
        let newest = self.machine.prekey();
        let Some(Ok(newest)) = newest.map(|signed| decode::<Prekey>(&signed.body)) else {
            return Ok(());
        };
        let from_ms = newest.expires_ms.saturating_add(limits::PREKEY_CLOCK_MS);
        if from_ms < turn.now_ms {
            let to_ms = turn.now_ms.saturating_add(limits::DAY_MS);
            turn.desk.set_fact(fact::AWAY, &Away { from_ms, to_ms })?;
        }
        Ok(())
    }

    /// Why this device has no key for a message.
    pub(super) fn why_no_key(
        &self,
        turn: &Turn<'_>,
        talk: &Talk,
        spot: &Spot,
    ) -> Result<&'static str, EngineError> {
        let away = turn.desk.fact::<Away>(fact::AWAY)?;
        let then = |away: Away| (away.from_ms..=away.to_ms).contains(&spot.arrived_ms);
        let reason = if spot.arrived_ms < self.since_ms {
            Reason::Before
        } else if away.is_some_and(then) {
            Reason::Away
        } else {
            Reason::Other
        };
        Ok(reason.words(talk.state.archive()))
    }

    /// Says once of each absence who does not get what is sent now. Of devices that have logged out nothing is to be
    /// said: they are over.
    pub(super) fn tell_left_out(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        left_out: &[(AccountId, DeviceId)],
    ) -> Result<(), EngineError> {
        for (account, device) in left_out {
            let prekey = self.people.prekeys.newest(device).map(|prekey| prekey.id);
            let Some(prekey) = prekey.filter(|id| *id != LOGOUT_ID) else {
                continue;
            };
            if !turn
                .desk
                .tell_once(&format!("away/{no}/{device}/{prekey}"))?
            {
                continue;
            }
            let label = self
                .people
                .account(account)
                .and_then(|known| known.device(device))
                .map_or(String::new(), |device| format!(", {:?},", device.label));
            let whose = if *account == self.account {
                "of your own".to_owned()
            } else {
                format!("of {}", self.people.name_of(account))
            };
            let words = format!(
                "a device {whose}{label} has not been there for more than 30 days: what is sent now is not sealed to it"
            );
            self.say(turn, no, &words)?;
        }
        Ok(())
    }
}
