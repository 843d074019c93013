//! The tests of the engine, but with an error for undefined values, which only `defined` and `undefined`
//! accept: for the engine they are neither strings nor equal to anything.

use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, State, Value, tests};

use super::undefined;

type OfOne = fn(&Value) -> bool;
type OfTwo = fn(&Value, &Value) -> bool;

pub(super) fn add(environment: &mut Environment<'_>) {
    let of_one: [(&str, OfOne); 13] = [
        ("none", tests::is_none),
        ("boolean", tests::is_boolean),
        ("number", tests::is_number),
        ("integer", tests::is_integer),
        ("int", tests::is_integer),
        ("float", tests::is_float),
        ("string", tests::is_string),
        ("iterable", tests::is_iterable),
        ("mapping", tests::is_mapping),
        ("lower", tests::is_lower),
        ("upper", tests::is_upper),
        ("true", tests::is_true),
        ("false", tests::is_false),
    ];
    for (name, test) in of_one {
        add_one(environment, name, Value::from_function(test));
    }
    let of_two: [(&[&str], OfTwo); 8] = [
        (&["eq", "equalto", "=="], tests::is_eq),
        (&["ne", "!="], tests::is_ne),
        (&["lt", "lessthan", "<"], tests::is_lt),
        (&["le", "<="], tests::is_le),
        (&["gt", "greaterthan", ">"], tests::is_gt),
        (&["ge", ">="], tests::is_ge),
        (&["sameas"], tests::is_sameas),
        (&["divisibleby"], tests::is_divisibleby),
    ];
    for (names, test) in of_two {
        for name in names {
            add_one(environment, name, Value::from_function(test));
        }
    }
    add_one(environment, "odd", Value::from_function(tests::is_odd));
    add_one(environment, "even", Value::from_function(tests::is_even));
    add_one(environment, "in", Value::from_function(tests::is_in));
    add_one(
        environment,
        "startingwith",
        Value::from_function(tests::is_startingwith),
    );
    add_one(
        environment,
        "endingwith",
        Value::from_function(tests::is_endingwith),
    );
}

fn add_one(environment: &mut Environment<'_>, name: &'static str, test: Value) {
    environment.add_test(
        name,
        move |state: &mut State<'_, '_>, values: Rest<Value>| -> Result<bool, Error> {
            for value in values.iter() {
                if matches!(value.kind(), ValueKind::Undefined | ValueKind::Invalid) {
                    undefined::check(value)?;
                }
            }
            test.call(state, &values).map(|passed| passed.is_true())
        },
    );
}
