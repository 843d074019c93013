//! Filters of paths, like Python's `os.path`. They use only the text, not the file system.

use minijinja::{Error, Value};

use super::arguments::{invalid, text};
use super::lists::items;

pub(super) fn basename(path: &Value) -> Result<String, Error> {
    Ok(text(path)?
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned())
}

pub(super) fn dirname(path: &Value) -> Result<String, Error> {
    let path = text(path)?;
    let Some((head, _)) = path.rsplit_once('/') else {
        return Ok(String::new());
    };
    let trimmed = head.trim_end_matches('/');
    // A path of slashes only is unchanged.
    Ok(if trimmed.is_empty() {
        format!("{head}/")
    } else {
        trimmed.to_owned()
    })
}

pub(super) fn splitext(path: &Value) -> Result<Vec<String>, Error> {
    let path = text(path)?;
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.trim_start_matches('.');
    Ok(match stem.rfind('.') {
        Some(dot) => {
            let at = path.len() - stem.len() + dot;
            vec![path[..at].to_owned(), path[at..].to_owned()]
        }
        None => vec![path, String::new()],
    })
}

pub(super) fn path_join(paths: &Value) -> Result<String, Error> {
    if let Some(path) = paths.as_str() {
        return Ok(path.to_owned());
    }
    let mut joined = String::new();
    for (at, part) in items(paths)?.iter().enumerate() {
        let part = text(part)?;
        if at == 0 || part.starts_with('/') {
            joined = part;
        } else {
            if !joined.is_empty() && !joined.ends_with('/') {
                joined.push('/');
            }
            joined.push_str(&part);
        }
    }
    Ok(joined)
}

pub(super) fn normpath(path: &Value) -> Result<String, Error> {
    Ok(normal(&text(path)?))
}

fn normal(path: &str) -> String {
    // Two leading slashes have a special meaning in POSIX.
    let root = match path.bytes().take_while(|b| *b == b'/').count() {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
    {
        match parts.last() {
            _ if part != ".." => parts.push(part),
            Some(last) if *last != ".." => {
                parts.pop();
            }
            None if !root.is_empty() => {}
            _ => parts.push(part),
        }
    }
    let normal = format!("{root}{}", parts.join("/"));
    if normal.is_empty() {
        ".".to_owned()
    } else {
        normal
    }
}

pub(super) fn relpath(path: &Value, start: Option<String>) -> Result<String, Error> {
    let path = text(path)?;
    let start = start.ok_or_else(|| invalid("relpath: needs a start directory"))?;
    if !path.starts_with('/') || !start.starts_with('/') {
        return Err(invalid("relpath: both paths must begin with a slash"));
    }
    let (path, start) = (normal(&path), normal(&start));
    let parts = |path: &str| -> Vec<String> {
        path.split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (path, start) = (parts(&path), parts(&start));
    let same = path.iter().zip(&start).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), start.len() - same);
    let relative: Vec<String> = up.chain(path[same..].iter().cloned()).collect();
    Ok(if relative.is_empty() {
        ".".to_owned()
    } else {
        relative.join("/")
    })
}

pub(super) fn expanduser(path: &Value) -> Result<String, Error> {
    let path = text(path)?;
    let home = std::env::var("HOME").ok();
    Ok(match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            format!("{}{rest}", home.trim_end_matches('/'))
        }
        _ => path,
    })
}

pub(super) fn commonpath(paths: &Value) -> Result<String, Error> {
    let mut common: Option<Vec<String>> = None;
    let mut root = "";
    for path in items(paths)? {
        let path = text(&path)?;
        root = if path.starts_with('/') { "/" } else { "" };
        let parts = path
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".");
        let parts: Vec<String> = parts.map(str::to_owned).collect();
        common = Some(match common {
            None => parts,
            Some(common) => common
                .into_iter()
                .zip(parts)
                .take_while(|(a, b)| a == b)
                .map(|(part, _)| part)
                .collect(),
        });
    }
    let common = common.ok_or_else(|| invalid("commonpath: the list is empty"))?;
    Ok(format!("{root}{}", common.join("/")))
}
