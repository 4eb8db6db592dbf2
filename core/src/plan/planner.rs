//! The planner: it owns the inputs of one change and is polled until the change is complete.

pub use super::inputs::{NewEvidence, Rules};
use super::{
    changes::Changes,
    draft::Draft,
    needs::{first_needs, next_needs},
    retire::to_count_again,
    view::{Needs, View},
};

/// The plan of one change. It performs no I/O: the caller loads the rows that it asks for.
#[derive(Debug)]
pub struct Planner {
    rules: Rules,
    evidence: NewEvidence,
    /// The rows that the evidence names, until they were asked for.
    named: Option<Needs>,
    draft: Option<Draft>,
}

/// The result of a poll.
#[derive(Debug)]
pub enum Polled {
    /// Load these rows, then poll again. None of them is in the view.
    Need(Needs),
    Done(Box<Changes>),
    /// The view contains rows from before and after the commit of another writer. Start again with an empty view.
    Torn,
}

impl Planner {
    pub fn new(evidence: NewEvidence, rules: Rules) -> Self {
        let named = match &evidence {
            NewEvidence::Messages(messages) => first_needs(messages),
            NewEvidence::Decisions(changed) => {
                let ends = changed.iter().flat_map(|it| [it.pair.a.clone(), it.pair.b.clone()]).collect();
                Needs { identifiers: ends, ..Needs::default() }
            }
            NewEvidence::Retirement(reassignment) => reassignment.first_needs(),
        };
        Self { rules, evidence, named: Some(named), draft: None }
    }

    /// Goes on with a view that contains everything that was asked for so far. Rows that are in the view already are not asked
    /// for. After [`Polled::Done`] it starts again.
    pub fn poll(&mut self, view: &View) -> Polled {
        let mut draft = match self.draft.take() {
            Some(draft) => draft,
            None => {
                let needs = self.named_rows(view);
                if !needs.is_empty() {
                    return Polled::Need(needs);
                }
                Draft::of(&self.evidence, view, &self.rules)
            }
        };
        let needs = draft.needs(view);
        if view.is_torn(&needs) {
            return Polled::Torn;
        }
        if needs.is_empty() {
            return Polled::Done(Box::new(draft.finish(view)));
        }
        self.draft = Some(draft);
        Polled::Need(needs)
    }

    /// Whether the rows that the evidence names are seen. The planner asks for others only where it resolves identities again.
    pub const fn resolves(&self) -> bool {
        self.draft.is_some()
    }

    /// The rows that the evidence names, and those that these rows name, without those in the view.
    fn named_rows(&mut self, view: &View) -> Needs {
        let needs = self.named.take().unwrap_or_default().without(view);
        if !needs.is_empty() {
            return needs;
        }
        let needs = next_needs(view);
        match &self.evidence {
            NewEvidence::Retirement(reassignment) if needs.is_empty() => {
                Needs { links_of: to_count_again(&reassignment.value, view), ..needs }.without(view)
            }
            _ => needs,
        }
    }
}
