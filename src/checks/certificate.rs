//! What openssl reports about a certificate and its connection.

/// The parts of a certificate that a check needs. Times are in seconds since 1970.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub not_before: i64,
    pub not_after: i64,
    pub name_fits: bool,
    /// The names that it is for, if it is not for the expected one.
    pub names: Option<String>,
    /// The errors of openssl about it and its chain.
    complaints: Vec<Complaint>,
}

/// One verification error, with the number of `X509_V_ERR_...`, which is the same in all versions of
/// openssl.
#[derive(Debug, PartialEq, Eq)]
struct Complaint {
    number: u32,
    /// The message of openssl.
    text: String,
    /// The certificate that it is about, if that is not the server's own.
    about: Option<String>,
}

impl Certificate {
    /// Parses the output of `openssl x509 -dates -checkhost` and of `openssl s_client`. `None` if either is
    /// incomplete.
    pub(crate) fn parse(facts: &str, connection: &str) -> Option<Self> {
        let time = |key: &str| {
            let line = facts.lines().find_map(|line| line.strip_prefix(key))?;
            time(line.strip_prefix('=')?)
        };
        let fits = facts.lines().find_map(|line| {
            if line.ends_with("does match certificate") {
                Some(true)
            } else {
                line.ends_with("does NOT match certificate")
                    .then_some(false)
            }
        })?;
        let names = facts.lines().find_map(|line| line.strip_prefix("names="));
        Some(Self {
            not_before: time("notBefore")?,
            not_after: time("notAfter")?,
            name_fits: fits,
            names: names.map(|names| names.trim().to_owned()),
            complaints: complaints(connection)?,
        })
    }

    /// Why the chain is not trusted. Errors about the validity period of the certificate itself are
    /// reported from its dates.
    pub(crate) fn distrust(&self) -> Vec<String> {
        let mut reasons: Vec<String> = Vec::new();
        for complaint in &self.complaints {
            let reason = match (complaint.number, &complaint.about) {
                (9 | 10, None) => continue,
                (18, _) => "self-signed".to_owned(),
                (19, _) => "signed by a certificate in its chain that is not trusted".to_owned(),
                // Without the issuer, the signature could not be verified either.
                (2 | 20 | 21 | 27, _) => "its issuer is not trusted".to_owned(),
                (_, Some(about)) => format!("{about} in its chain: {}", complaint.text),
                (_, None) => complaint.text.clone(),
            };
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons
    }
}

/// The errors reported by `s_client`, or an empty list if it reports success. `None` if it reports neither.
fn complaints(connection: &str) -> Option<Vec<Complaint>> {
    let mut complaints: Vec<Complaint> = Vec::new();
    let mut about = None;
    let mut result = None;
    for line in connection.lines() {
        if let Some(rest) = line.strip_prefix("depth=") {
            let (depth, subject) = rest.split_once(' ').unwrap_or((rest, ""));
            about = (depth != "0").then(|| subject.to_owned());
        } else if let Some(rest) = line.strip_prefix("verify error:num=") {
            let (number, text) = rest.split_once(':')?;
            complaints.push(Complaint {
                number: number.parse().ok()?,
                text: text.to_owned(),
                about: about.clone(),
            });
        } else if let Some(rest) = line.trim_start().strip_prefix("Verify return code: ") {
            let (number, text) = rest.split_once(' ')?;
            result = Some((number.parse::<u32>().ok()?, text));
        }
    }
    let (number, text) = result?;
    if number != 0 && complaints.is_empty() {
        complaints.push(Complaint {
            number,
            text: text.trim_matches(['(', ')']).to_owned(),
            about: None,
        });
    }
    Some(complaints)
}

/// `Nov  1 00:00:00 2026 GMT` in seconds since 1970.
fn time(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let words: Vec<&str> = text.split_whitespace().collect();
    let [month, day, clock, year, "GMT"] = words.as_slice() else {
        return None;
    };
    let month = MONTHS.iter().position(|known| known == month)? + 1;
    let mut clock = clock.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let moment = jiff::civil::DateTime::new(
        year.parse().ok()?,
        i8::try_from(month).ok()?,
        day.parse().ok()?,
        hour,
        minute,
        second,
        0,
    );
    Some(moment.ok()?.duration_since(EPOCH).as_secs())
}

const EPOCH: jiff::civil::DateTime = jiff::civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The day of a time, like `2026-11-21`.
pub(crate) fn date(seconds: i64) -> String {
    let span = jiff::SignedDuration::from_secs(seconds);
    EPOCH.checked_add(span).map_or_else(
        |_| "a date beyond the calendar".to_owned(),
        |moment| moment.date().to_string(),
    )
}

/// A duration in days, or in hours if it is less than a day.
pub(crate) fn days(seconds: i64) -> String {
    let (number, noun) = match seconds / 86_400 {
        0 => (seconds / 3_600, "hour"),
        days => (days, "day"),
    };
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_times_of_openssl() {
        assert_eq!(time("Jan  1 00:00:00 1970 GMT"), Some(0));
        assert_eq!(time("Nov 21 12:00:00 2026 GMT"), Some(1_795_262_400));
        assert!(time("Dec 31 23:59:59 9999 GMT").is_some());
        for wrong in [
            "",
            "Nov 31 00:00:00 2026 GMT",
            "Nov 1 00:00 2026 GMT",
            "Nov 1 00:00:00 2026",
            "Nov 1 25:00:00 2026 GMT",
            "Now 1 00:00:00 2026 GMT",
            "Nov 1 00:00:00 99999 GMT",
            "Bad time value",
        ] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn formats_times_and_durations() {
        assert_eq!(date(1_795_262_400), "2026-11-21");
        assert_eq!(date(i64::MAX), "a date beyond the calendar");
        assert_eq!(
            [days(3_600), days(86_399), days(86_400), days(200_000)],
            ["1 hour", "23 hours", "1 day", "2 days"]
        );
    }
}
