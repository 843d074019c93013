//! Filters of Ansible and Jinja2 that minijinja lacks, or that work differently there.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the engine hands arguments over by value"
)]

mod address;
mod arguments;
mod expressions;
mod json;
mod lists;
mod mappings;
mod numbers;
mod password;
mod paths;
mod quoting;
mod random;
mod refused;
mod strict;
mod texts;
mod time;
mod values;
mod yaml;

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, Value};

pub(super) use self::arguments::{kwarg, text};
pub(super) use self::expressions::regex_found;
pub(super) use self::lists::items;
pub(super) use self::mappings::dict;
pub(super) use self::refused::missing;
pub(super) use self::time::now;
pub(super) use self::values::truth;
use super::rewrite::REMAINDER;
use super::{percent, python, undefined};

pub(super) fn add(environment: &mut Environment<'_>) {
    strict::add(environment);
    add_lists(environment);
    add_mappings(environment);
    add_texts(environment);
    environment.add_filter(REMAINDER, percent::remainder);
    environment.add_filter("format", |text: &Value, values: Rest<Value>| {
        percent::remainder(
            text,
            &Value::from(minijinja::value::Tuple::from(values.to_vec())),
        )
    });
    environment.add_filter("default", values::default);
    environment.add_filter("d", values::default);
    environment.add_filter("bool", values::to_bool);
    environment.add_filter("mandatory", values::mandatory);
    environment.add_filter("string", text);
    environment.add_filter("ternary", values::ternary);
    environment.add_filter("pprint", |value: &Value| {
        undefined::check(value)?;
        Ok::<_, Error>(python::repr_of(value))
    });
    environment.add_filter("type_debug", values::type_debug);
    environment.add_filter("int", numbers::int);
    environment.add_filter("float", numbers::float);
    environment.add_filter("round", numbers::round);
    environment.add_filter("sum", numbers::sum);
    environment.add_filter("log", numbers::log);
    environment.add_filter("pow", numbers::pow);
    environment.add_filter("root", numbers::root);
    environment.add_filter("random", random::random);
    environment.add_filter("strftime", time::strftime);
    environment.add_filter("ipaddr", address::ipaddr);
    environment.add_filter("ipv4", address::ipv4);
    environment.add_filter("ipv6", address::ipv6);
    environment.add_filter("ipwrap", address::ipwrap);
    environment.add_filter("ipmath", address::ipmath);
    environment.add_filter("ipsubnet", address::ipsubnet);
    environment.add_filter("nthhost", address::nthhost);
}

fn add_lists(environment: &mut Environment<'_>) {
    environment.add_filter("map", lists::map);
    environment.add_filter("select", lists::select);
    environment.add_filter("reject", lists::reject);
    environment.add_filter("selectattr", lists::selectattr);
    environment.add_filter("rejectattr", lists::rejectattr);
    environment.add_filter("list", lists::list);
    environment.add_filter("unique", lists::unique);
    environment.add_filter("union", lists::union);
    environment.add_filter("intersect", lists::intersect);
    environment.add_filter("difference", lists::difference);
    environment.add_filter("symmetric_difference", lists::symmetric_difference);
    environment.add_filter("flatten", lists::flatten);
    environment.add_filter("zip", lists::zip);
    environment.add_filter("zip_longest", lists::zip_longest);
    environment.add_filter("product", lists::product);
    environment.add_filter("permutations", lists::permutations);
    environment.add_filter("combinations", lists::combinations);
    environment.add_filter("subelements", lists::subelements);
    environment.add_filter("slice", lists::slice);
    environment.add_filter("batch", lists::batch);
    environment.add_filter("shuffle", random::shuffle);
    environment.add_filter("join", values::join);
}

fn add_mappings(environment: &mut Environment<'_>) {
    environment.add_filter("combine", mappings::combine);
    environment.add_filter("dict2items", mappings::dict2items);
    environment.add_filter("items2dict", mappings::items2dict);
    environment.add_filter("rekey_on_member", mappings::rekey_on_member);
    environment.add_filter("extract", values::extract);
    environment.add_filter("to_json", json::to_json);
    environment.add_filter("to_nice_json", json::to_nice_json);
    environment.add_filter("from_json", json::from_json);
    environment.add_filter("to_yaml", yaml::to_yaml);
    environment.add_filter("to_nice_yaml", yaml::to_nice_yaml);
    environment.add_filter("from_yaml", yaml::from_yaml);
}

fn add_texts(environment: &mut Environment<'_>) {
    environment.add_filter("comment", texts::comment);
    environment.add_filter("b64encode", texts::b64encode);
    environment.add_filter("b64decode", texts::b64decode);
    environment.add_filter("quote", texts::quote);
    environment.add_filter("hash", texts::hash);
    environment.add_filter("md5", |value: &Value, options: Kwargs| {
        texts::hash(value, Some("md5".to_owned()), options)
    });
    for name in ["sha1", "checksum"] {
        environment.add_filter(name, |value: &Value, options: Kwargs| {
            texts::hash(value, None, options)
        });
    }
    environment.add_filter("password_hash", password::password_hash);
    environment.add_filter("to_uuid", texts::to_uuid);
    environment.add_filter("urlencode", texts::urlencode);
    environment.add_filter("indent", texts::indent);
    environment.add_filter("replace", texts::replace);
    environment.add_filter("center", texts::center);
    environment.add_filter("wordcount", texts::wordcount);
    environment.add_filter("urlsplit", texts::urlsplit);
    environment.add_filter("urldecode", texts::urldecode);
    environment.add_filter("human_readable", texts::human_readable);
    environment.add_filter("human_to_bytes", texts::human_to_bytes);
    environment.add_filter("regex_replace", expressions::regex_replace);
    environment.add_filter("regex_search", expressions::regex_search);
    environment.add_filter("regex_findall", expressions::regex_findall);
    environment.add_filter("regex_escape", expressions::regex_escape);
    environment.add_filter("basename", paths::basename);
    environment.add_filter("dirname", paths::dirname);
    environment.add_filter("splitext", paths::splitext);
    environment.add_filter("path_join", paths::path_join);
    environment.add_filter("normpath", paths::normpath);
    environment.add_filter("relpath", paths::relpath);
    environment.add_filter("expanduser", paths::expanduser);
    environment.add_filter("commonpath", paths::commonpath);
}
