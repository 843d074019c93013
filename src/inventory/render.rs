//! Variables whose `{{ }}` are rendered on use.
//!
//! A template sees the variables of its host as an object that renders each one when the template uses it, so
//! a variable may refer to any other, of any host. Members of a mapping or a list are also rendered one by
//! one (`lazy`). The [`Session`] tracks what is being rendered, to detect a variable that refers to itself.

use std::collections::HashSet;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Serde, ValueKind};
use minijinja::{Error, ErrorKind, Value};
use serde_json::Value as Json;

use super::error::RenderError;
use super::lazy::{self, Renderer};
use super::node::{SEALED_KEY, UNSAFE_KEY, VAULT_KEY};
use super::session::{Place, Session};
use super::shown::Shown;
use super::world::World;
use super::written::{is_plain, is_template, keep_backslashes, short_name, tagged};
use crate::model::suggest::did_you_mean;
use crate::model::{Host, Origin, Var};
use crate::template;

/// The variables of a host, as a template sees them.
#[derive(Debug)]
struct Scope {
    world: Arc<World>,
    host: Host,
    session: Arc<Session>,
}

/// Names that are defined for every host.
const MAGIC: [&str; 9] = [
    "inventory_hostname",
    "inventory_hostname_short",
    "group_names",
    "groups",
    "hostvars",
    "vars",
    "inventory_file",
    "inventory_dir",
    "playbook_dir",
];

/// The rendered value; `None` if the variable does not exist or is omitted.
pub(super) fn var(
    world: &Arc<World>,
    host: &Host,
    name: &str,
) -> Result<Option<Json>, RenderError> {
    // Most values are not templates and need neither an engine nor a copy of the scope.
    if let Some(var) = host.var(name)
        && is_plain(&var.value)
    {
        return Ok(Some(var.value.clone()));
    }
    if host.var(name).is_none() && !MAGIC.contains(&name) {
        return Ok(None);
    }
    let scope = Arc::new(Scope::new(world, host));
    match (scope.lookup(name), host.var(name)) {
        (None, None) => Ok(None),
        (value, var) => {
            let value = value.unwrap_or_else(|| scope.undefined(name));
            scope.finish(&value, name, var.map(|var| &var.origin))
        }
    }
}

pub(super) fn context(world: &Arc<World>, host: &Host) -> Value {
    Value::from_object(Scope::new(world, host))
}

pub(super) fn show(world: &Arc<World>, host: &Host) -> Vec<Shown> {
    let show = |(name, var): (&str, &Var)| {
        let scope = Arc::new(Scope::new(world, host));
        let value = scope.lookup(name).unwrap_or_else(|| scope.undefined(name));
        let value = scope
            .finish(&value, name, Some(&var.origin))
            .map(Option::unwrap_or_default);
        Shown {
            name: name.to_owned(),
            secret: scope.session.saw_secret() || is_secret(world, &value),
            value,
            written: var.value.clone(),
            origin: var.origin.clone(),
        }
    };
    host.vars().into_iter().map(show).collect()
}

fn is_secret(world: &World, value: &Result<Json, RenderError>) -> bool {
    fn any(value: &Json, secrets: &[String]) -> bool {
        match value {
            Json::String(text) => secrets.iter().any(|secret| secret == text),
            Json::Array(items) => items.iter().any(|item| any(item, secrets)),
            Json::Object(map) => map.values().any(|item| any(item, secrets)),
            Json::Null | Json::Bool(_) | Json::Number(_) => false,
        }
    }
    value
        .as_ref()
        .is_ok_and(|value| any(value, &world.secrets.list()))
}

impl Scope {
    fn new(world: &Arc<World>, host: &Host) -> Self {
        Self {
            world: Arc::clone(world),
            host: host.clone(),
            session: Arc::default(),
        }
    }

    /// The same scope for another host.
    fn of(&self, host: &Host) -> Self {
        Self {
            world: Arc::clone(&self.world),
            host: host.clone(),
            session: Arc::clone(&self.session),
        }
    }

    /// Looks up a variable or a magic variable. If it cannot be rendered, the value is one that fails on use.
    /// If it refers to something undefined, it is undefined too.
    fn lookup(self: &Arc<Self>, name: &str) -> Option<Value> {
        match name {
            "inventory_hostname" => return Some(Value::from(self.host.name.as_str())),
            "inventory_hostname_short" => return Some(Value::from(short_name(&self.host.name))),
            "group_names" => return Some(self.host.groups.iter().map(String::as_str).collect()),
            "groups" => return Some(Value::from_object(Groups(Arc::clone(&self.world)))),
            "hostvars" => return Some(Value::from_object(HostVars(Arc::clone(self)))),
            "vars" => return Some(Value::from_dyn_object(Arc::clone(self))),
            template::REASONS => return Some(Value::from_object(Reasons(Arc::clone(self)))),
            _ => {}
        }
        if let Some(var) = self.host.var(name) {
            if is_plain(&var.value) {
                return Some(Value::from(Serde(&var.value)));
            }
            let place = Place {
                name: name.to_owned(),
                origin: Some(var.origin.clone()),
            };
            return Arc::clone(self).render(&var.value, &place);
        }
        let path = match name {
            "inventory_file" => self.host.source.as_deref()?,
            "inventory_dir" => match self.host.source.as_deref()? {
                source if source.is_dir() => source,
                source => source
                    .parent()
                    .filter(|dir| !dir.as_os_str().is_empty())
                    .unwrap_or_else(|| ".".as_ref()),
            },
            "playbook_dir" => self.world.playbook_dir.as_deref()?,
            _ => return None,
        };
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        Some(Value::from(path.to_string_lossy().into_owned()))
    }

    fn value(self: &Arc<Self>, written: &Json, place: &Place) -> Result<Value, Error> {
        match written {
            Json::String(text) if is_template(text) => self.template(text),
            Json::Object(map) => {
                if let Some(text) = tagged(map, UNSAFE_KEY) {
                    return Ok(Value::from(text));
                }
                if let Some(sealed) = tagged(map, VAULT_KEY) {
                    return self.open(sealed);
                }
                if let Some(text) = tagged(map, SEALED_KEY) {
                    return self.decrypted(text);
                }
                Ok(lazy::value(self.clone(), place, written).unwrap_or_default())
            }
            Json::Array(_) => Ok(lazy::value(self.clone(), place, written).unwrap_or_default()),
            plain => Ok(Value::from(Serde(plain))),
        }
    }

    fn open(self: &Arc<Self>, sealed: &str) -> Result<Value, Error> {
        self.session.note_secret();
        let plain = self.world.secrets.open(sealed).map_err(|error| {
            let hint = error
                .hint()
                .map(|hint| format!("\n{hint}"))
                .unwrap_or_default();
            Error::new(ErrorKind::InvalidOperation, format!("{error}{hint}"))
        })?;
        // A decrypted value is never rendered.
        Ok(Value::from(&*plain))
    }

    /// A text from a file that was encrypted as a whole. It is data: braces may be part of a password. Only
    /// if each name in it is a variable is it treated as a template, like in Ansible.
    fn decrypted(self: &Arc<Self>, text: &str) -> Result<Value, Error> {
        self.session.note_secret();
        let adapted = template::adapt(&keep_backslashes(text));
        let names = match self.world.environment.template_from_str(&adapted) {
            Ok(template) => template.undeclared_variables(false),
            Err(_) => HashSet::new(),
        };
        if names.is_empty() || !names.iter().all(|name| self.has(name)) {
            return Ok(Value::from(text));
        }
        match self.template(text) {
            Ok(value) => {
                if let Some(text) = value.as_str() {
                    self.world.secrets.keep(text);
                }
                Ok(value)
            }
            // The engine's message would reveal parts of the text.
            Err(_) => Err(Error::new(
                ErrorKind::InvalidOperation,
                "a text in an encrypted file cannot be rendered\n\
                 If it is not a template, put !unsafe before it.",
            )),
        }
    }

    /// Whether the name is defined for templates.
    fn has(&self, name: &str) -> bool {
        self.host.var(name).is_some() || MAGIC.contains(&name)
    }

    /// Renders a text. A single `{{ expression }}` keeps the type of its value.
    fn template(self: &Arc<Self>, text: &str) -> Result<Value, Error> {
        let environment = &self.world.environment;
        let text = &*keep_backslashes(text);
        let root = Value::from_dyn_object(Arc::clone(self));
        let body = text.strip_suffix('\n').unwrap_or(text);
        if let Some(inner) = body
            .strip_prefix("{{")
            .and_then(|rest| rest.strip_suffix("}}"))
        {
            let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
            let inner = inner.strip_suffix(['-', '+']).unwrap_or(inner);
            // `{{ a }} and {{ b }}` also starts and ends like this, but is not an expression.
            if let Ok(expression) =
                environment.compile_expression(&template::adapt_expression(inner))
            {
                let value = match expression.eval(root.clone()) {
                    Ok(value) if !value.is_undefined() => value,
                    failed => {
                        // Rendering it as text gives a more precise error.
                        environment.render_str(&template::adapt(body), root)?;
                        return failed.and(Err(Error::from(ErrorKind::UndefinedError)));
                    }
                };
                if lacks_members(&value) {
                    environment.render_str(&template::adapt(body), root)?;
                }
                // A text keeps the newline that followed the expression.
                return Ok(match value.as_str() {
                    Some(result) if body.len() < text.len() => Value::from(format!("{result}\n")),
                    _ => value,
                });
            }
        }
        let adapted = template::adapt(text);
        template::render_value(&environment.template_from_str(&adapted)?, root)
    }

    /// Records the error if it is the first, and returns a value that fails on use.
    fn failed(&self, place: &Place, error: &Error) -> Value {
        let first = self.session.fail(self.explained(place, error));
        Value::from(Error::new(ErrorKind::InvalidOperation, first.to_string()))
    }

    fn explained(&self, place: &Place, error: &Error) -> RenderError {
        let explained = template::explain(error);
        if let Some(why) = explained
            .undefined
            .as_deref()
            .and_then(|name| self.session.why_undefined(&self.host.name, name))
        {
            return why;
        }
        // The hint may follow the message, since the engine's error has no field for it.
        let (message, hint) = match explained.message.split_once('\n') {
            Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
            None => (explained.message, explained.hint),
        };
        RenderError {
            host: self.host.name.clone(),
            name: place.name.clone(),
            message,
            hint,
            at: place.origin.clone(),
        }
    }

    /// Adds a did-you-mean hint for an undefined name to an error that is shown. The search takes a while, so
    /// it is not done for errors that `default` suppresses.
    fn hinted(&self, error: RenderError) -> RenderError {
        let name = error
            .message
            .strip_prefix('`')
            .and_then(|rest| rest.strip_suffix("` is not defined"));
        let (Some(name), None) = (name, &error.hint) else {
            return error;
        };
        let host = self.world.host(&error.host).map_or(&self.host, |host| host);
        let vars = host.vars();
        let hint = if name.starts_with("ansible_") && !vars.contains_key(name) {
            Some(
                "The inventory does not have the facts of a host. \
                 In the playbook they are `h.facts`."
                    .to_owned(),
            )
        } else {
            did_you_mean(name, vars.keys().copied())
        };
        RenderError { hint, ..error }
    }

    /// Returns the value to the caller, once nothing in it can fail any more. `None` for `omit`.
    fn finish(
        &self,
        value: &Value,
        name: &str,
        at: Option<&Origin>,
    ) -> Result<Option<Json>, RenderError> {
        if template::is_omit(value) {
            return Ok(None);
        }
        template::plain(value).map(Some).map_err(|error| {
            let place = Place {
                name: name.to_owned(),
                origin: at.cloned(),
            };
            let failure = self.session.take_failure();
            self.hinted(failure.unwrap_or_else(|| self.explained(&place, &error)))
        })
    }
}

impl Renderer for Scope {
    fn render(self: Arc<Self>, written: &Json, place: &Place) -> Option<Value> {
        let key = (self.host.name.clone(), place.name.clone());
        if let Some(known) = self.session.known(&key) {
            return known;
        }
        let rendered = self
            .session
            .enter(&key)
            .and_then(|_under_way| self.value(written, place));
        let value = match rendered {
            Ok(value) => Some(value),
            Err(error) if template::explain(&error).undefined.is_some() => {
                let why = self.explained(place, &error);
                self.session.note_undefined(key.clone(), why);
                None
            }
            Err(error) => Some(self.failed(place, &error)),
        };
        self.session.keep(key, value.clone());
        value
    }

    fn undefined(&self, name: &str) -> Value {
        match self.session.why_undefined(&self.host.name, name) {
            Some(why) => {
                let first = self.session.fail(why);
                Value::from(Error::new(ErrorKind::InvalidOperation, first.to_string()))
            }
            None => Value::UNDEFINED,
        }
    }
}

impl Object for Scope {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.lookup(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.lookup(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(
            self.host
                .vars()
                .keys()
                .map(|name| Value::from(*name))
                .collect(),
        )
    }
}

/// Whether a list or a mapping that an expression returned contains an undefined item.
fn lacks_members(value: &Value) -> bool {
    let lacks = |item: &Value| item.is_undefined() || lacks_members(item);
    match value.kind() {
        // Members of variables are different: they are rendered on use.
        _ if lazy::is_lazy(value) || value.downcast_object_ref::<Scope>().is_some() => false,
        _ if value.downcast_object_ref::<HostVars>().is_some() => false,
        ValueKind::Seq => value
            .try_iter()
            .into_iter()
            .flatten()
            .any(|item| lacks(&item)),
        ValueKind::Map => value
            .try_iter()
            .into_iter()
            .flatten()
            .any(|key| value.get_item(&key).is_ok_and(|item| lacks(&item))),
        _ => false,
    }
}

/// Why a name is undefined, by name, for an error in a file's template.
#[derive(Debug)]
struct Reasons(Arc<Scope>);

impl Object for Reasons {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let why = self
            .0
            .session
            .why_undefined(&self.0.host.name, key.as_str()?)?;
        Some(Value::from(why.to_string()))
    }
}

/// `hostvars`: the variables of every host, by host name.
#[derive(Debug)]
struct HostVars(Arc<Scope>);

impl Object for HostVars {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let host = self.0.world.host(key.as_str()?)?;
        Some(Value::from_object(self.0.of(host)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(
            self.0
                .world
                .hosts
                .keys()
                .map(|name| Value::from(name.as_str()))
                .collect(),
        )
    }
}

/// `groups`: the host names of every group, by group name.
#[derive(Debug)]
struct Groups(Arc<World>);

impl Object for Groups {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let group = self.0.groups.get(key.as_str()?)?;
        let host = |index: &usize| {
            self.0
                .hosts
                .get_index(*index)
                .map(|(name, _)| Value::from(name.as_str()))
        };
        Some(self.0.members(group).iter().filter_map(host).collect())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(
            self.0
                .groups
                .keys()
                .map(|name| Value::from(name.as_str()))
                .collect(),
        )
    }
}
