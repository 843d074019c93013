//! Mappings and lists in variables whose members are rendered on use, so that one member may refer to
//! another.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr, Serde};
use minijinja::{Error, ErrorKind, State, Value};
use serde_json::Value as Json;

use super::session::Place;
use super::written::is_plain;
use crate::template::LINK;

/// Renders members in the scope of a host's variables.
pub(super) trait Renderer: Debug + Send + Sync {
    /// Renders a variable or a member of one. `None` if it is undefined.
    fn render(self: Arc<Self>, written: &Json, place: &Place) -> Option<Value>;

    /// A value that fails on use because it is undefined.
    fn undefined(&self, name: &str) -> Value;
}

/// A member: a ready value, or a text that is rendered once.
#[derive(Debug)]
struct Member {
    written: Option<Json>,
    /// `None` if it is undefined.
    value: OnceLock<Option<Value>>,
}

impl Member {
    fn new(written: Json) -> Self {
        if is_plain(&written) {
            return Self {
                value: OnceLock::from(Some(Value::from(Serde(written)))),
                written: None,
            };
        }
        Self {
            written: Some(written),
            value: OnceLock::new(),
        }
    }

    fn get(&self, scope: &Arc<dyn Renderer>, place: impl FnOnce() -> Place) -> Option<Value> {
        if let Some(value) = self.value.get() {
            return value.clone();
        }
        // Not `get_or_init`: a member that refers to itself would deadlock there.
        let value = Arc::clone(scope).render(self.written.as_ref()?, &place());
        self.value.get_or_init(|| value).clone()
    }
}

/// A mapping in an inventory.
#[derive(Debug)]
pub(super) struct Mapping {
    scope: Arc<dyn Renderer>,
    place: Place,
    members: IndexMap<String, Member>,
}

/// A list in an inventory.
#[derive(Debug)]
pub(super) struct List {
    scope: Arc<dyn Renderer>,
    place: Place,
    members: Vec<Member>,
}

/// Whether the members of the value are rendered one at a time, on use.
pub(super) fn is_lazy(value: &Value) -> bool {
    value.downcast_object_ref::<Mapping>().is_some()
        || value.downcast_object_ref::<List>().is_some()
}

/// The lazy value for a mapping or a list, `None` for other values.
pub(super) fn value(scope: Arc<dyn Renderer>, place: &Place, written: &Json) -> Option<Value> {
    match written {
        Json::Object(map) => Some(Value::from_object(Mapping {
            scope,
            place: place.clone(),
            members: map
                .iter()
                .map(|(key, item)| (key.clone(), Member::new(item.clone())))
                .collect(),
        })),
        Json::Array(items) => Some(Value::from_object(List {
            scope,
            place: place.clone(),
            members: items.iter().cloned().map(Member::new).collect(),
        })),
        _ => None,
    }
}

impl Mapping {
    /// `None` if there is no such member, `Some(None)` if it is undefined.
    #[expect(clippy::option_option, reason = "missing, or undefined")]
    fn member(&self, key: &str) -> Option<Option<Value>> {
        let member = self.members.get(key)?;
        Some(member.get(&self.scope, || self.place.member(key)))
    }
}

impl List {
    #[expect(clippy::option_option, reason = "missing, or undefined")]
    fn member(&self, index: usize) -> Option<Option<Value>> {
        let member = self.members.get(index)?;
        Some(member.get(&self.scope, || self.place.item(index)))
    }
}

/// The value of a member when all members are needed: an undefined one is a value that fails on use.
fn or_failure(scope: &dyn Renderer, place: &Place, value: Option<Value>) -> Value {
    value.unwrap_or_else(|| scope.undefined(&place.name))
}

impl Object for Mapping {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let value = self.member(key)?;
        Some(or_failure(&*self.scope, &self.place.member(key), value))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(
            self.members
                .keys()
                .map(|key| Value::from(key.as_str()))
                .collect(),
        )
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        _: &[Value],
    ) -> Result<Value, Error> {
        if method == LINK {
            return Ok(Value::from_object(MappingLink(Arc::clone(self))));
        }
        Err(Error::from(ErrorKind::UnknownMethod))
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let index = key.as_usize()?;
        let value = self.member(index)?;
        Some(or_failure(&*self.scope, &self.place.item(index), value))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.members.len())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        _: &[Value],
    ) -> Result<Value, Error> {
        if method == LINK {
            return Ok(Value::from_object(ListLink(Arc::clone(self))));
        }
        Err(Error::from(ErrorKind::UnknownMethod))
    }
}

/// A mapping in which one member is looked up: an undefined member counts as missing.
#[derive(Debug)]
struct MappingLink(Arc<Mapping>);

/// The same for a list.
#[derive(Debug)]
struct ListLink(Arc<List>);

impl Object for MappingLink {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.member(key.as_str()?).flatten()
    }
}

impl Object for ListLink {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.member(key.as_usize()?).flatten()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.members.len())
    }
}
