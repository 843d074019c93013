//! The state that the planned changes of a run would leave on a host: for check mode.

use std::collections::HashMap;
use std::sync::Arc;

use super::brings::brings;
use super::{Answer, Query, Resource};

/// The state that the planned changes of a run would leave on a host, so that a later batch is planned from
/// it.
#[derive(Debug, Clone, Default)]
pub struct Outlook {
    /// What they would alter.
    pub(super) altered: Vec<Resource>,
    /// For each of those, the label of the task that would alter it.
    by: Vec<Arc<str>>,
    /// Whether it is certain.
    planned: Vec<bool>,
    /// The answers that they predict.
    pub(super) leaves: HashMap<Query, Answer>,
}

impl Outlook {
    /// Whether the host would stay as it is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.altered.is_empty()
    }

    /// The task that would add or change this user, if there is one.
    #[must_use]
    pub fn who_alters_user(&self, user: &str) -> Option<&str> {
        let query = Query::User(user.to_owned());
        self.by(|altered| query.depends_on(std::slice::from_ref(altered)))
    }

    /// The answers that the changes predict.
    #[must_use]
    pub fn left(&self, query: &Query) -> Option<&Answer> {
        self.leaves.get(query)
    }

    /// Why the current state of the host does not answer the query: a task would change what it depends on.
    #[must_use]
    pub fn alters(&self, query: &Query) -> Option<String> {
        let says_so = |altered: &Resource| {
            !matches!(altered, Resource::Any | Resource::Package(_))
                && query.depends_on(std::slice::from_ref(altered))
        };
        self.by(says_so).map(|_| self.reason(says_so))
    }

    /// Why something that does not exist yet may exist by then: a command may do anything, and a package
    /// may provide it.
    #[must_use]
    pub fn may_bring(&self, query: &Query) -> Option<String> {
        let may = |altered: &Resource| match altered {
            Resource::Any => true,
            Resource::Package(name) => brings(name, query, None),
            _ => false,
        };
        self.by(may).map(|_| self.reason(may))
    }

    /// The task that would remove this user, if there is one.
    #[must_use]
    pub fn who_removes_user(&self, user: &str) -> Option<&str> {
        let query = Query::User(user.to_owned());
        let is_gone =
            matches!(self.leaves.get(&query), Some(Answer::Table(rows)) if rows.is_empty());
        let (_, by) = self.last(&query).filter(|_| is_gone)?;
        Some(by)
    }

    /// The last resource that a query depends on and a task would change, with the label of that task.
    pub(super) fn last(&self, query: &Query) -> Option<(&Resource, &str)> {
        let mut altered = self.altered.iter().zip(&self.by).rev();
        let (altered, by) =
            altered.find(|(altered, _)| query.depends_on(std::slice::from_ref(altered)))?;
        Some((altered, by))
    }

    /// Records that a task would, or may, alter these: the result is unknown.
    pub(super) fn alter(&mut self, resources: Vec<Resource>, by: &str, planned: bool) {
        let certain: Vec<Resource> = certain(&resources).cloned().collect();
        self.leaves.retain(|query, answer| {
            !query.depends_on(&certain)
                && !packages(&resources).any(|name| brings(name, query, Some(answer)))
        });
        let by: Arc<str> = by.into();
        self.by.extend(resources.iter().map(|_| by.clone()));
        self.planned.extend(resources.iter().map(|_| planned));
        self.altered.extend(resources);
    }

    /// The first task that would alter such a resource.
    fn by(&self, depends: impl Fn(&Resource) -> bool) -> Option<&str> {
        let altered = self.altered.iter().position(depends);
        altered.and_then(|index| self.by.get(index)).map(|by| &**by)
    }

    /// Why anything that depends on such a resource is unknown: the first task that would alter it is the
    /// root cause.
    pub(super) fn reason(&self, depends: impl Fn(&Resource) -> bool) -> String {
        self.by(depends).map_or_else(
            || "depends on what an earlier task would change".to_owned(),
            |by| format!("depends on what `{by}` would change"),
        )
    }

    /// Which of these resources are certain to be altered. `None`: others may be, too.
    pub(super) fn planned(&self, queries: &[Query]) -> Option<Vec<Resource>> {
        let of_it = self.altered.iter().zip(&self.planned);
        let of_it = of_it.filter(|(altered, _)| match altered {
            Resource::Package(name) => queries.iter().any(|query| brings(name, query, None)),
            altered => asks(queries, altered),
        });
        of_it
            .map(|(altered, planned)| {
                let is_known = *planned && !matches!(altered, Resource::Any | Resource::Package(_));
                is_known.then(|| altered.clone())
            })
            .collect()
    }

    pub(super) fn certain(&self) -> Vec<Resource> {
        certain(&self.altered).cloned().collect()
    }

    /// The task whose packages might affect one of these.
    pub(super) fn packages_behind(&self, queries: &[Query]) -> Option<&str> {
        self.by(|altered| matches!(altered, Resource::Package(_)) && asks(queries, altered))
    }
}

/// What is certain to be altered: everything except packages, whose effects vary.
pub(super) fn certain(resources: &[Resource]) -> impl Iterator<Item = &Resource> {
    let is_certain = |resource: &&Resource| !matches!(resource, Resource::Package(_));
    resources.iter().filter(is_certain)
}

/// The packages among them.
pub(super) fn packages(resources: &[Resource]) -> impl Iterator<Item = &str> {
    resources.iter().filter_map(|resource| match resource {
        Resource::Package(name) => Some(name.as_str()),
        _ => None,
    })
}

/// Whether an answer depends on the resource.
pub(super) fn asks(queries: &[Query], resource: &Resource) -> bool {
    queries
        .iter()
        .any(|query| query.depends_on(std::slice::from_ref(resource)))
}
