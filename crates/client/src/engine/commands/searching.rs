//! What matches a query.

use super::unknown;
use crate::command::{Answer, Command, Failure};
use crate::engine::turn::{CallId, Turn};
use crate::engine::{Engine, EngineError};
use crate::search::{HitView, Query, Reach, SearchView, excerpt, found, has_link};
use crate::store::{FILE_MARK, LINK_MARK, Sought, author_mark, conversation_mark};
use crate::view::{Row, RowKind};
use std::collections::BTreeSet;
use subrosa_proto::AccountId;

/// Hits that one answer carries at most.
const HITS_MAX: u32 = 200;
/// Lines that one answer looks at: with so many in vain it ends, and the next page goes on.
const LOOKED_MAX: usize = 2_000;
/// Of a shorter beginning there are too many words.
const BEGINNING_CHARS: usize = 2;

/// A query with its names resolved.
struct Wanted {
    query: Query,
    from: BTreeSet<AccountId>,
    within: BTreeSet<i64>,
}

impl Engine {
    pub(super) fn search(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        command: &Command,
    ) -> Result<(), EngineError> {
        let Command::Search {
            query,
            conversation,
            before,
            limit,
            zone_s,
        } = command
        else {
            return Ok(());
        };
        let wanted = Query::parse(query, *zone_s, turn.now_ms)
            .map_err(Failure::user)
            .and_then(|query| self.resolve(query, conversation.as_deref()));
        let answer = match wanted {
            Ok(wanted) => {
                // What has just come is found too.
                self.index_step(turn)?;
                Ok(Answer::Found(self.look(turn, &wanted, *before, *limit)?))
            }
            Err(failure) => Err(failure),
        };
        turn.answer(call, answer);
        Ok(())
    }

    fn resolve(&self, query: Query, conversation: Option<&str>) -> Result<Wanted, Failure> {
        let within = query.within.iter().map(String::as_str).chain(conversation);
        let within = within.map(|named| self.conversation_no(named).ok_or_else(|| unknown(named)));
        let within = within.collect::<Result<_, _>>()?;
        let from = query.from.iter().map(|named| self.author(named));
        let from = from.collect::<Result<_, _>>()?;
        Ok(Wanted {
            query,
            from,
            within,
        })
    }

    fn author(&self, named: &str) -> Result<AccountId, Failure> {
        let name = named.strip_prefix('@').unwrap_or(named);
        let mut persons = self.people.iter().map(|person| person.account.id());
        match persons.find(|id| self.people.name_of(id) == name) {
            Some(id) => Ok(id),
            None if name == "me" => Ok(self.account),
            None => Err(Failure::user(format!(
                "nobody is called {named} here: `subrosa trust` lists whom this home knows"
            ))),
        }
    }

    fn look(
        &self,
        turn: &Turn<'_>,
        wanted: &Wanted,
        before: Option<u64>,
        limit: u32,
    ) -> Result<SearchView, EngineError> {
        let limit = limit.clamp(1, HITS_MAX);
        let mut sought = wanted.sought(before);
        let (mut hits, mut next, mut looked) = (Vec::new(), None, 0);
        // The first look takes one more than is shown, to know whether there is a next page.
        let mut step = limit + 1;
        'looked: loop {
            let lines = turn.desk.find(&sought, step)?;
            let last = lines.len() < step as usize;
            for found in lines {
                if hits.len() == limit as usize || looked == LOOKED_MAX {
                    next = sought.below;
                    break 'looked;
                }
                looked += 1;
                sought.below = Some(found.key);
                let line = &found.line;
                if wanted.is_from(&line.account, line.conversation) {
                    let row = self.row(turn.desk, line)?;
                    hits.extend(row.and_then(|row| hit(row, &wanted.query)));
                }
            }
            if last {
                break;
            }
            step = HITS_MAX;
        }
        let history = self.history_view();
        let state = turn.desk.index_state()?;
        Ok(SearchView {
            hits,
            next,
            reach: Reach {
                unindexed: turn.desk.unindexed(state)?,
                missing: history.events.saturating_sub(history.events_here),
            },
        })
    }
}

impl Wanted {
    fn is_from(&self, account: &AccountId, no: i64) -> bool {
        (self.within.is_empty() || self.within.contains(&no))
            && (self.from.is_empty() || self.from.contains(account))
    }

    /// What the index is asked. It may give more than is wanted: each line is looked at again.
    fn sought(&self, below: Option<u64>) -> Sought {
        let mut all = Vec::new();
        for term in &self.query.terms {
            let words = term.words.join(" ");
            match (term.prefix, words.chars().count()) {
                // A beginning of one letter is looked for in what the rest finds, unless few words begin so.
                (true, chars) if chars < BEGINNING_CHARS && words.is_ascii() => {}
                (true, _) => all.push(format!("\"{words}\" *")),
                (false, _) => all.push(format!("\"{words}\"")),
            }
        }
        let any =
            |marks: Vec<String>| (!marks.is_empty()).then(|| format!("({})", marks.join(" OR ")));
        let quoted = |mark: char| format!("\"{mark}\"");
        all.extend(any(self
            .within
            .iter()
            .map(|no| quoted(conversation_mark(*no)))
            .collect()));
        all.extend(any(self
            .from
            .iter()
            .map(|account| quoted(author_mark(account)))
            .collect()));
        all.extend(self.query.link.then(|| quoted(LINK_MARK)));
        all.extend(self.query.file.then(|| quoted(FILE_MARK)));
        Sought {
            expression: all.join(" AND "),
            after_ms: self.query.after_ms,
            before_ms: self.query.before_ms,
            below,
        }
    }
}

/// A row, if it matches.
fn hit(row: Row, query: &Query) -> Option<HitView> {
    let RowKind::Text { text } = &row.what else {
        return None;
    };
    let after = query.after_ms.is_none_or(|after| row.time_ms >= after);
    let before = query.before_ms.is_none_or(|before| row.time_ms < before);
    let link = !query.link || has_link(text);
    if !after || !before || !link || query.file {
        return None;
    }
    let places = found(text, &query.terms)?;
    let (excerpt, marks) = excerpt(text, &places);
    Some(HitView {
        row,
        excerpt,
        marks,
    })
}
