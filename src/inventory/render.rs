//! Variables with their `{{ }}` rendered, when they are asked for.
//!
//! A template sees the variables of its host as an object that renders each one when the template asks for it, so a
//! variable may refer to any other, of any host. [`Frame`]s tell which are under way, to find a variable that needs itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{Enumerator, Object, Serde, ValueKind};
use minijinja::{Error, ErrorKind, Value};
use serde_json::Value as Json;

use super::error::RenderError;
use super::inventory::{Shown, World};
use super::node::{UNSAFE_KEY, VAULT_KEY};
use super::written::{is_plain, is_template, keep_backslashes, short_name, tagged};
use crate::model::suggest::did_you_mean;
use crate::model::{Host, Origin, Var};
use crate::template;

/// References from one variable to the next, of which no inventory has so many.
const MAX_DEPTH: usize = 50;

/// A variable that is being rendered, and the one that asked for it.
#[derive(Debug)]
struct Frame {
    host: String,
    name: String,
    depth: usize,
    asked_by: Option<Arc<Self>>,
}

impl Frame {
    fn chain(frame: Option<&Arc<Self>>) -> impl Iterator<Item = &Self> {
        std::iter::successors(frame.map(AsRef::as_ref), |frame| frame.asked_by.as_deref())
    }
}

/// What one question to the inventory has in common down to the last variable.
#[derive(Debug, Default)]
struct Session {
    /// The first thing that went wrong, with the place at fault; the engine keeps only a text of it.
    failure: Mutex<Option<RenderError>>,
    /// What was rendered already or failed to be, by host and name: two references to a variable cost one rendering, so that
    /// variables which double one another take no more time than there are variables.
    rendered: Mutex<HashMap<(String, String), Value>>,
    /// An encrypted value was opened on the way.
    secret: std::sync::atomic::AtomicBool,
}

impl Session {
    fn rendered(&self) -> MutexGuard<'_, HashMap<(String, String), Value>> {
        self.rendered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The variables of a host, as a template sees them.
#[derive(Debug)]
struct Scope {
    world: Arc<World>,
    host: Host,
    frame: Option<Arc<Frame>>,
    session: Arc<Session>,
}

pub(super) fn var(
    world: &Arc<World>,
    host: &Host,
    name: &str,
) -> Result<Option<Json>, RenderError> {
    // Most values are no templates, and need neither an engine nor a copy of the scope.
    if let Some(var) = host.var(name)
        && is_plain(&var.value)
    {
        return Ok(Some(var.value.clone()));
    }
    let scope = Arc::new(Scope::new(world, host));
    match scope.lookup(name) {
        None => Ok(None),
        Some(value) => scope
            .finish(&value, name, host.var(name).map(|var| &var.origin))
            .map(Some),
    }
}

pub(super) fn text(
    world: &Arc<World>,
    host: &Host,
    text: &str,
    at: Option<&Origin>,
) -> Result<Json, RenderError> {
    let scope = Arc::new(Scope::new(world, host));
    let value = scope
        .template(text)
        .unwrap_or_else(|error| scope.failed("text", at, &error));
    scope.finish(&value, "text", at)
}

pub(super) fn context(world: &Arc<World>, host: &Host) -> Value {
    Value::from_object(Scope::new(world, host))
}

pub(super) fn show(world: &Arc<World>, host: &Host) -> Vec<Shown> {
    let show = |(name, var): (&str, &Var)| {
        let scope = Arc::new(Scope::new(world, host));
        let value = scope.lookup(name).unwrap_or_default();
        let value = scope.finish(&value, name, Some(&var.origin));
        Shown {
            name: name.to_owned(),
            secret: scope
                .session
                .secret
                .load(std::sync::atomic::Ordering::Relaxed)
                || is_secret(world, &value),
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
            frame: None,
            session: Arc::default(),
        }
    }

    /// The same for another host.
    fn of(&self, host: &Host) -> Self {
        Self {
            world: Arc::clone(&self.world),
            host: host.clone(),
            frame: self.frame.clone(),
            session: Arc::clone(&self.session),
        }
    }

    /// A variable, or a magic one. What cannot be rendered is a value that fails when it is used.
    fn lookup(self: &Arc<Self>, name: &str) -> Option<Value> {
        match name {
            "inventory_hostname" => return Some(Value::from(self.host.name.as_str())),
            "inventory_hostname_short" => return Some(Value::from(short_name(&self.host.name))),
            "group_names" => return Some(self.host.groups.iter().map(String::as_str).collect()),
            "groups" => return Some(Value::from_object(Groups(Arc::clone(&self.world)))),
            "hostvars" => return Some(Value::from_object(HostVars(Arc::clone(self)))),
            "vars" => return Some(Value::from_dyn_object(Arc::clone(self))),
            _ => {}
        }
        if let Some(var) = self.host.var(name) {
            if is_plain(&var.value) {
                return Some(Value::from(Serde(&var.value)));
            }
            let key = (self.host.name.clone(), name.to_owned());
            if let Some(known) = self.session.rendered().get(&key) {
                return Some(known.clone());
            }
            let value = self
                .render_var(name, var)
                .unwrap_or_else(|error| self.failed(name, Some(&var.origin), &error));
            self.session.rendered().insert(key, value.clone());
            return Some(value);
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

    fn render_var(self: &Arc<Self>, name: &str, var: &Var) -> Result<Value, Error> {
        let under_way = |frame: &Frame| frame.host == self.host.name && frame.name == name;
        if Frame::chain(self.frame.as_ref()).any(under_way) {
            let mut path: Vec<&str> = Frame::chain(self.frame.as_ref())
                .map(|frame| frame.name.as_str())
                .collect();
            path.reverse();
            let start = path.iter().position(|step| *step == name).unwrap_or(0);
            let path = path[start..]
                .iter()
                .chain([&name])
                .map(|step| format!("`{step}`"))
                .collect::<Vec<_>>();
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("it refers to itself: {}", path.join(" → ")),
            ));
        }
        let depth = self.frame.as_ref().map_or(0, |frame| frame.depth + 1);
        if depth >= MAX_DEPTH {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("more than {MAX_DEPTH} variables refer to one another"),
            ));
        }
        let frame = Frame {
            host: self.host.name.clone(),
            name: name.to_owned(),
            depth,
            asked_by: self.frame.clone(),
        };
        let inner = Arc::new(Self {
            frame: Some(Arc::new(frame)),
            ..self.of(&self.host)
        });
        inner.value(&var.value)
    }

    fn value(self: &Arc<Self>, value: &Json) -> Result<Value, Error> {
        match value {
            Json::String(text) if is_template(text) => self.template(text),
            Json::Array(items) => items
                .iter()
                .map(|item| self.value(item))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::from),
            Json::Object(map) => {
                if let Some(text) = tagged(map, UNSAFE_KEY) {
                    return Ok(Value::from(text));
                }
                if let Some(sealed) = tagged(map, VAULT_KEY) {
                    return self.open(sealed);
                }
                let pairs = map
                    .iter()
                    .map(|(key, item)| Ok((key.as_str(), self.value(item)?)));
                Ok(Value::from_pairs(pairs.collect::<Result<Vec<_>, Error>>()?))
            }
            plain => Ok(Value::from(Serde(plain))),
        }
    }

    fn open(self: &Arc<Self>, sealed: &str) -> Result<Value, Error> {
        self.session
            .secret
            .store(true, std::sync::atomic::Ordering::Relaxed);
        let plain = self.world.secrets.open(sealed).map_err(|error| {
            let hint = error
                .hint()
                .map(|hint| format!("\n{hint}"))
                .unwrap_or_default();
            Error::new(ErrorKind::InvalidOperation, format!("{error}{hint}"))
        })?;
        // What was encrypted is taken as it is.
        Ok(Value::from(&*plain))
    }

    /// Renders a text. One that is a single `{{ expression }}` keeps the type of its value.
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
            // `{{ a }} and {{ b }}` starts and ends alike, and is no expression.
            if let Ok(expression) = environment.compile_expression(inner) {
                let value = expression.eval(root)?;
                if value.is_undefined() {
                    return Err(Error::new(
                        ErrorKind::InvalidOperation,
                        format!("`{}` is not defined", inner.trim()),
                    ));
                }
                // A text keeps the newline that stood behind it.
                return Ok(match value.as_str() {
                    Some(result) if body.len() < text.len() => Value::from(format!("{result}\n")),
                    _ => value,
                });
            }
        }
        let template = environment.template_from_str(text)?;
        template::render(&template, root).map(Value::from)
    }

    /// Notes what went wrong, if it is the first thing, and makes a value that fails when it is used.
    fn failed(&self, name: &str, at: Option<&Origin>, error: &Error) -> Value {
        let mut failure = self
            .session
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let first = failure.get_or_insert_with(|| {
            let explained = template::explain(error);
            // A hint may come behind the message, since the engine's error has no place for it.
            let (message, hint) = match explained.message.split_once('\n') {
                Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
                None => (explained.message, explained.hint),
            };
            let hint = hint.or_else(|| self.hint(&message));
            RenderError {
                host: self.host.name.clone(),
                name: name.to_owned(),
                message,
                hint,
                at: at.cloned(),
            }
        });
        Value::from(Error::new(ErrorKind::InvalidOperation, first.to_string()))
    }

    /// Did-you-mean for a name that is not defined.
    fn hint(&self, message: &str) -> Option<String> {
        let name = message
            .strip_prefix('`')?
            .strip_suffix("` is not defined")?;
        if name.starts_with("ansible_") && self.host.var(name).is_none() {
            return Some("Facts of a host are not known to its inventory; the playbook has them as `h.facts`.".to_owned());
        }
        let vars = self.host.vars();
        did_you_mean(name, vars.keys().copied())
    }

    /// The value for the caller, once nothing is left in it that could fail.
    fn finish(&self, value: &Value, name: &str, at: Option<&Origin>) -> Result<Json, RenderError> {
        let converted = if value.kind() == ValueKind::Invalid {
            None
        } else {
            serde_json::to_value(value).ok()
        };
        converted.ok_or_else(|| {
            let mut failure = self
                .session
                .failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            failure.take().unwrap_or_else(|| RenderError {
                host: self.host.name.clone(),
                name: name.to_owned(),
                message: "its value is no plain data".to_owned(),
                hint: None,
                at: at.cloned(),
            })
        })
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

/// `hostvars`: the variables of every host by its name.
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

/// `groups`: the names of the hosts of every group by its name.
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
