//! `dates::`: points in time with a time zone.

use jiff::civil;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit, Zoned};
use rhai::{Dynamic, Engine, EvalAltResult, Module, NativeCallContext};

use super::{declare, declare_getter};
use crate::declare::{Function, function};
use crate::model::{Failure, FailureKind};
use crate::script::convert::duration;
use crate::script::error::{argument, throw};

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// A point in time, and the time zone that it is shown in.
#[derive(Clone)]
pub(crate) struct DateValue(Zoned);

function! {
    /// Returns the current time on the controller, in its time zone or in the given one (`"UTC"`,
    /// `"Europe/Berlin"`).
    ///
    /// ```rhai
    /// let stamp = dates::now("UTC").format("%Y%m%dT%H%M%SZ");
    /// ```
    NOW = now {
        () -> Date,
        (zone: String) -> Date,
    }
}

function! {
    /// Parses a date (`2026-11-28`) or a date and time (`2026-11-28T19:30:00`), with an optional offset (`Z`,
    /// `+01:00`) or zone (`[Europe/Berlin]`). With `pattern`, the string has that format instead, in the
    /// conversions of `strftime`. Without an offset or zone, it is taken as UTC.
    ///
    /// ```rhai
    /// let expiry = dates::parse("Nov 28 19:30:00 2026 GMT".replaced(" GMT", ""), "%b %d %H:%M:%S %Y");
    /// if expiry < dates::now() { log::warn("the certificate has expired"); }
    /// ```
    PARSE = parse {
        (text: String) -> Date,
        (text: String, pattern: String) -> Date,
    }
}

function! {
    /// Returns the date this many seconds after 1970-01-01 00:00 UTC.
    ///
    /// ```rhai
    /// log::info(dates::from_seconds(1795894200).format("%F"));
    /// ```
    FROM_SECONDS = from_seconds {
        (seconds: i64) -> Date,
    }
}

function! {
    /// Formats the date with the conversions of `strftime`: `%Y-%m-%d`, `%H:%M:%S`, `%F`, `%T`, `%z`, `%A`.
    /// `to_string` returns RFC 3339.
    ///
    /// ```rhai
    /// log::info(dates::now().format("%F %T"));
    /// ```
    FORMAT = format {
        (date: Date, pattern: String) -> String,
    }
}

function! {
    /// Adds a duration such as `"1h 30m"` or `"7days"`, or a number of seconds, and returns the new date. A
    /// day has 24 hours.
    ///
    /// ```rhai
    /// let tomorrow = dates::now("UTC").plus("1day");
    /// ```
    PLUS = plus {
        (date: Date, duration: Dynamic) -> Date,
    }
}

function! {
    /// Subtracts a duration such as `"1h 30m"` or `"7days"`, or a number of seconds, and returns the new
    /// date. A day has 24 hours.
    ///
    /// ```rhai
    /// let limit = dates::now().minus("30days");
    /// ```
    MINUS = minus {
        (date: Date, duration: Dynamic) -> Date,
    }
}

function! {
    /// Returns the same point in time in another time zone.
    ///
    /// ```rhai
    /// log::info(dates::now().in_zone("Asia/Tokyo").format("%H:%M"));
    /// ```
    IN_ZONE = in_zone {
        (date: Date, zone: String) -> Date,
    }
}

function! {
    /// Returns the seconds from another date to this one. The number is negative if the other date is later.
    ///
    /// ```rhai
    /// let age = dates::now().since(dates::parse("2026-11-01"));
    /// ```
    SINCE = since {
        (date: Date, other: Date) -> f64,
    }
}

function! {
    /// The year.
    YEAR = year {
        (date: Date) -> Dynamic,
    }

    /// The month, 1 to 12.
    MONTH = month {
        (date: Date) -> Dynamic,
    }

    /// The day of the month, 1 to 31.
    DAY = day {
        (date: Date) -> Dynamic,
    }

    /// The hour, 0 to 23.
    HOUR = hour {
        (date: Date) -> Dynamic,
    }

    /// The minute, 0 to 59.
    MINUTE = minute {
        (date: Date) -> Dynamic,
    }

    /// The second, 0 to 59.
    SECOND = second {
        (date: Date) -> Dynamic,
    }

    /// The day of the week: 1 is Monday, 7 is Sunday.
    WEEKDAY = weekday {
        (date: Date) -> Dynamic,
    }

    /// The seconds since 1970-01-01 00:00 UTC.
    SECONDS = seconds {
        (date: Date) -> Dynamic,
    }

    /// The name of the time zone, or its offset.
    ZONE = zone {
        (date: Date) -> Dynamic,
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<DateValue>("Date");
    register_makers(engine);
    register_methods(engine);
    register_properties(engine);
    engine.register_fn("to_string", |date: &mut DateValue| date.shown());
    engine.register_fn("to_debug", |date: &mut DateValue| date.shown());
    engine.register_fn("==", |a: DateValue, b: DateValue| a.moment() == b.moment());
    engine.register_fn("!=", |a: DateValue, b: DateValue| a.moment() != b.moment());
    engine.register_fn("<", |a: DateValue, b: DateValue| a.moment() < b.moment());
    engine.register_fn("<=", |a: DateValue, b: DateValue| a.moment() <= b.moment());
    engine.register_fn(">", |a: DateValue, b: DateValue| a.moment() > b.moment());
    engine.register_fn(">=", |a: DateValue, b: DateValue| a.moment() >= b.moment());
}

fn register_makers(engine: &mut Engine) {
    let mut module = Module::new();
    declare(&NOW, 0).set_into_module(&mut module, || DateValue(Zoned::now()));
    declare(&NOW, 1).set_into_module(&mut module, |context: NativeCallContext, name: &str| {
        let zone = zone(&context, name)?;
        Ok::<_, Box<EvalAltResult>>(DateValue(Timestamp::now().to_zoned(zone)))
    });
    declare(&PARSE, 0).set_into_module(&mut module, |context: NativeCallContext, text: &str| {
        parsed(text).map(DateValue).ok_or_else(|| {
            let message = format!("invalid date: `{text}`");
            let hint = "Write it like 2026-11-28T19:30:00Z, or pass its format: \
                            dates::parse(text, \"%d.%m.%Y\").";
            throw(
                Failure::new(FailureKind::Failed, message).hint(hint),
                &context,
            )
        })
    });
    declare(&PARSE, 1).set_into_module(
        &mut module,
        |context: NativeCallContext, text: &str, pattern: &str| {
            parsed_as(text, pattern).map(DateValue).map_err(|error| {
                let message =
                    format!("`{text}` does not match the date format `{pattern}`: {error}");
                argument(&context, message)
            })
        },
    );
    declare(&FROM_SECONDS, 0).set_into_module(
        &mut module,
        |context: NativeCallContext, seconds: i64| {
            Timestamp::from_second(seconds)
                .map(|moment| DateValue(moment.to_zoned(TimeZone::UTC)))
                .map_err(|_| {
                    argument(
                        &context,
                        format!("{seconds} seconds is out of the range of dates"),
                    )
                })
        },
    );
    engine.register_static_module("dates", module.into());
}

fn register_methods(engine: &mut Engine) {
    declare(&FORMAT, 0).register_into_engine(
        engine,
        |context: NativeCallContext, date: &mut DateValue, pattern: &str| {
            jiff::fmt::strtime::format(pattern, &date.0).map_err(|error| {
                argument(
                    &context,
                    format!("cannot format a date as `{pattern}`: {error}"),
                )
            })
        },
    );
    declare(&PLUS, 0).register_into_engine(
        engine,
        |context: NativeCallContext, date: &mut DateValue, time: Dynamic| {
            date.moved(&context, &time, 1)
        },
    );
    declare(&MINUS, 0).register_into_engine(
        engine,
        |context: NativeCallContext, date: &mut DateValue, time: Dynamic| {
            date.moved(&context, &time, -1)
        },
    );
    declare(&IN_ZONE, 0).register_into_engine(
        engine,
        |context: NativeCallContext, date: &mut DateValue, name: &str| {
            let zone = zone(&context, name)?;
            Ok::<_, Box<EvalAltResult>>(DateValue(date.0.with_time_zone(zone)))
        },
    );
    declare(&SINCE, 0).register_into_engine(engine, |date: &mut DateValue, other: DateValue| {
        date.0.duration_since(&other.0).as_secs_f64()
    });
}

fn register_properties(engine: &mut Engine) {
    type Property = (Function, fn(&Zoned) -> Dynamic);
    let properties: [Property; 9] = [
        (YEAR, |date| i64::from(date.year()).into()),
        (MONTH, |date| i64::from(date.month()).into()),
        (DAY, |date| i64::from(date.day()).into()),
        (HOUR, |date| i64::from(date.hour()).into()),
        (MINUTE, |date| i64::from(date.minute()).into()),
        (SECOND, |date| i64::from(date.second()).into()),
        (WEEKDAY, |date| {
            i64::from(date.weekday().to_monday_one_offset()).into()
        }),
        (SECONDS, |date| date.timestamp().as_second().into()),
        (ZONE, |date| {
            let zone = date.time_zone();
            let name = zone.iana_name().map(ToOwned::to_owned);
            name.unwrap_or_else(|| date.offset().to_string()).into()
        }),
    ];
    for (property, get) in properties {
        declare_getter(&property)
            .register_into_engine(engine, move |date: &mut DateValue| get(&date.0));
    }
}

impl DateValue {
    fn moment(&self) -> Timestamp {
        self.0.timestamp()
    }

    /// RFC 3339, without fractions of a second.
    fn shown(&self) -> String {
        let whole = self
            .0
            .round(Unit::Second)
            .unwrap_or_else(|_| self.0.clone());
        let offset = if whole.offset().is_zero() {
            "%FT%TZ"
        } else {
            "%FT%T%:z"
        };
        whole.strftime(offset).to_string()
    }

    fn moved(&self, context: &NativeCallContext<'_>, time: &Dynamic, sign: i32) -> Result<Self> {
        let time = duration(time).map_err(|message| argument(context, message))?;
        SignedDuration::try_from(time)
            .ok()
            .and_then(|time| self.0.checked_add(time * sign).ok())
            .map(Self)
            .ok_or_else(|| argument(context, "the result is out of the range of dates"))
    }
}

fn zone(context: &NativeCallContext<'_>, name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|_| {
        let message = format!("unknown time zone: `{name}`");
        let hint =
            "Names are like Europe/Berlin. They come from the tzdata package on the controller.";
        throw(
            Failure::new(FailureKind::Failed, message).hint(hint),
            context,
        )
    })
}

fn parsed(text: &str) -> Option<Zoned> {
    let text = text.trim();
    if let Ok(zoned) = text.parse::<Zoned>() {
        return Some(zoned);
    }
    if let Ok(broken) = BrokenDownTime::parse("%Y-%m-%dT%H:%M:%S%.f%:z", text)
        && let Ok(zoned) = broken.to_zoned()
    {
        return Some(zoned);
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.to_zoned(TimeZone::UTC));
    }
    text.parse::<civil::DateTime>()
        .ok()?
        .to_zoned(TimeZone::UTC)
        .ok()
}

fn parsed_as(text: &str, pattern: &str) -> std::result::Result<Zoned, jiff::Error> {
    let broken = BrokenDownTime::parse(pattern, text)?;
    if let Ok(zoned) = broken.to_zoned() {
        return Ok(zoned);
    }
    match broken.to_datetime() {
        Ok(time) => time.to_zoned(TimeZone::UTC),
        Err(_) => broken.to_date()?.to_zoned(TimeZone::UTC),
    }
}
