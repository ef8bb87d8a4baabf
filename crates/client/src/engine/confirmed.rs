//! What the server confirmed, against what it shows afterwards (docs/spec/ledger.md §9.5).

use super::Engine;
use super::talk::Talk;
use subrosa_proto::Carried;

impl Engine {
    /// The server named the position at which it had stored a message of this device. If it shows an event of another
    /// device there, it has dropped what it confirmed: the person has to know, since nothing else would tell.
    pub(super) fn judge_confirmation(&mut self, talk: &mut Talk, position: u64, event: &Carried) {
        let own = event
            .header()
            .is_ok_and(|header| header.device == self.machine.device());
        if own {
            return;
        }
        let dropped = talk
            .provisional
            .extract_if(|_, confirmed| *confirmed == position);
        if dropped.count() > 0 {
            let what = format!("dropped/{}/{position}", talk.id());
            let sentence = format!(
                "the server confirmed a message of yours in {} and then shows another in its place: yours did not arrive; send it again, and ask whoever runs the server",
                talk.name
            );
            self.alarm(what, sentence);
        }
    }
}
