//! Which variables are there at some place of a script.

/// What a variable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    Own,
    /// Captured by a closure that runs once for every host: each has a copy, so a change to it is lost.
    Copied,
}

/// The variables of a function or of the top level of a script, in blocks within blocks.
#[derive(Debug, Default)]
pub struct Scope {
    variables: Vec<(String, Binding)>,
}

impl Scope {
    pub fn of(parameters: impl IntoIterator<Item = (String, Binding)>) -> Self {
        Self {
            variables: parameters.into_iter().collect(),
        }
    }

    pub fn declare(&mut self, name: &str) {
        self.variables.push((name.to_owned(), Binding::Own));
    }

    pub fn find(&self, name: &str) -> Option<Binding> {
        let found = self.variables.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, binding)| *binding)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|(name, _)| name.as_str())
    }

    /// What to give to [`Scope::leave`] at the end of a block that starts now.
    pub fn enter(&self) -> usize {
        self.variables.len()
    }

    pub fn leave(&mut self, mark: usize) {
        self.variables.truncate(mark);
    }
}
