//! `ipaddr` and its relatives, as in the collection `ansible.utils`: a value that is not an address gives
//! false, and a query that does not apply gives none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::arguments::{invalid, text};
use super::lists::items;

/// An address, optionally with a prefix: `192.0.2.7/24`.
#[derive(Clone, Copy)]
struct Net {
    ip: u128,
    prefix: u32,
    six: bool,
    /// Whether it was written with a prefix.
    network: bool,
}

impl Net {
    fn parse(text: &str) -> Option<Self> {
        if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
            let ip: u128 = text.parse().ok()?;
            let six = ip > u128::from(u32::MAX);
            return Some(Self {
                ip,
                prefix: if six { 128 } else { 32 },
                six,
                network: false,
            });
        }
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let (ip, six) = match address.parse().ok()? {
            IpAddr::V4(ip) => (u128::from(u32::from(ip)), false),
            IpAddr::V6(ip) => (u128::from(ip), true),
        };
        let bits = if six { 128 } else { 32 };
        let length = match prefix {
            None => bits,
            Some(prefix) => match prefix.parse::<u32>() {
                Ok(length) => length,
                // A netmask, or its inverse.
                Err(_) if !six => {
                    let mask = u32::from(prefix.parse::<Ipv4Addr>().ok()?);
                    let mask = if mask.leading_ones() == 0 && mask != 0 {
                        !mask
                    } else {
                        mask
                    };
                    (mask.leading_ones() == mask.count_ones()).then(|| mask.leading_ones())?
                }
                Err(_) => return None,
            },
        };
        (length <= bits).then_some(Self {
            ip,
            prefix: length,
            six,
            network: prefix.is_some(),
        })
    }

    const fn bits(&self) -> u32 {
        if self.six { 128 } else { 32 }
    }

    /// The host bits set: one less than the size of the network.
    const fn hosts(&self) -> u128 {
        match self.bits() - self.prefix {
            128 => u128::MAX,
            bits => (1 << bits) - 1,
        }
    }

    const fn first(&self) -> u128 {
        self.ip & !self.hosts()
    }

    const fn last(&self) -> u128 {
        self.ip | self.hosts()
    }

    fn show(&self, ip: u128) -> String {
        match u32::try_from(ip) {
            Ok(ip) if !self.six => Ipv4Addr::from(ip).to_string(),
            _ => Ipv6Addr::from(ip).to_string(),
        }
    }

    fn with_prefix(&self, ip: u128) -> String {
        format!("{}/{}", self.show(ip), self.prefix)
    }

    fn mask(&self) -> u128 {
        let all = if self.six {
            u128::MAX
        } else {
            u128::from(u32::MAX)
        };
        all & !self.hosts()
    }

    const fn one(&self) -> bool {
        self.hosts() == 0
    }

    /// Networks of more than two addresses have a broadcast address.
    const fn has_broadcast(&self) -> bool {
        self.hosts() > 1
    }

    fn usable(&self) -> (u128, u128) {
        if self.hosts() <= 1 {
            (self.first(), self.last())
        } else {
            (self.first() + 1, self.last() - 1)
        }
    }

    fn holds(&self, other: &Self) -> bool {
        self.six == other.six && self.first() <= other.first() && other.last() <= self.last()
    }

    fn is_in(&self, networks: &[&str]) -> bool {
        networks
            .iter()
            .filter_map(|network| Self::parse(network))
            .any(|network| {
                network.holds(&Self {
                    prefix: self.bits(),
                    ..*self
                })
            })
    }

    /// Globally reachable, by IANA's registries of special addresses.
    fn is_global(&self) -> bool {
        let special: &[&str] = &[
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
            "::/128",
            "::1/128",
            "::ffff:0:0/96",
            "64:ff9b:1::/48",
            "100::/64",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "fc00::/7",
            "fe80::/10",
        ];
        !self.is_in(special)
    }
}

fn some(text: impl Into<Value>) -> Value {
    text.into()
}

fn when(condition: bool, value: impl FnOnce() -> String) -> Value {
    if condition {
        Value::from(value())
    } else {
        none()
    }
}

fn none() -> Value {
    Value::from(())
}

pub(super) fn ipaddr(value: &Value, query: Option<Value>) -> Result<Value, Error> {
    filter(value, query, None)
}

pub(super) fn ipv4(value: &Value, query: Option<Value>) -> Result<Value, Error> {
    filter(value, query, Some(false))
}

pub(super) fn ipv6(value: &Value, query: Option<Value>) -> Result<Value, Error> {
    filter(value, query, Some(true))
}

fn filter(value: &Value, query: Option<Value>, six: Option<bool>) -> Result<Value, Error> {
    let query = query
        .map(|query| text(&query))
        .transpose()?
        .unwrap_or_default();
    each(value, &query, six)
}

fn each(value: &Value, query: &str, six: Option<bool>) -> Result<Value, Error> {
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        let mut kept = Vec::new();
        for item in items(value)? {
            let found = each(&item, query, six)?;
            if found.is_true() {
                kept.push(found);
            }
        }
        return Ok(Value::from(kept));
    }
    let written = text(value)?;
    match Net::parse(&written) {
        Some(net) if six.is_none_or(|six| six == net.six) => answer(&net, &written, query),
        _ => Ok(Value::from(false)),
    }
}

fn answer(net: &Net, written: &str, query: &str) -> Result<Value, Error> {
    let ip = net.show(net.ip);
    let at_network = net.ip == net.first();
    let given = || written.to_owned();
    let usable = |wanted: &dyn Fn(u128, u128) -> Value| {
        if !net.network {
            return Err(invalid("ipaddr: the value is an address, not a network"));
        }
        let (first, last) = net.usable();
        Ok(if net.one() {
            none()
        } else {
            wanted(first, last)
        })
    };
    Ok(match query {
        "" if net.network => some(net.with_prefix(net.ip)),
        "" => some(ip),
        "address" | "ip" => when(
            net.one() || !at_network || net.six || !net.has_broadcast(),
            || ip,
        ),
        "host" if net.one() => some(net.with_prefix(net.ip)),
        "host" => when(!at_network || !net.has_broadcast(), || {
            net.with_prefix(net.ip)
        }),
        "address/prefix" | "host/prefix" | "hostnet" | "router" | "gateway" | "gw" => {
            if net.has_broadcast() && (at_network || net.ip == net.last()) {
                Value::from(false)
            } else {
                some(net.with_prefix(net.ip))
            }
        }
        "ip/prefix" => when(!net.one() && (!at_network || !net.has_broadcast()), || {
            net.with_prefix(net.ip)
        }),
        "ip_netmask" => when(!net.one() && (!at_network || !net.has_broadcast()), || {
            format!("{ip} {}", net.show(net.mask()))
        }),
        "bool" => Value::from(true),
        "broadcast" => when(net.has_broadcast(), || net.show(net.last())),
        "cidr" => some(net.with_prefix(net.ip)),
        "hostmask" | "wildcard" => some(net.show(net.hosts())),
        "int" if net.network => some(format!("{}/{}", net.ip, net.prefix)),
        "int" => Value::from(net.ip),
        "ipv4" | "v4" => when(!net.six, given),
        "ipv6" | "v6" => when(net.six, given),
        "first_usable" => usable(&|first, _| some(net.show(first)))?,
        "last_usable" => usable(&|_, last| some(net.show(last)))?,
        "range_usable" => {
            usable(&|first, last| some(format!("{}-{}", net.show(first), net.show(last))))?
        }
        "next_usable" => usable(&|first, last| {
            let after = net.ip.saturating_add(1);
            when((first..=last).contains(&after), || net.show(after))
        })?,
        "previous_usable" => usable(&|first, last| {
            let before = net.ip.saturating_sub(1);
            when((first..=last).contains(&before), || net.show(before))
        })?,
        "link-local" => when(net.is_in(&["169.254.0.0/16", "fe80::/10"]), given),
        "loopback" | "lo" => when(net.is_in(&["127.0.0.0/8", "::1/128"]), given),
        "multicast" => when(net.is_in(&["224.0.0.0/4", "ff00::/8"]), given),
        "unicast" => when(!net.is_in(&["224.0.0.0/4", "ff00::/8"]), given),
        "private" => when(!net.is_global(), given),
        "public" => when(
            net.is_global() && !net.is_in(&["224.0.0.0/4", "ff00::/8"]),
            given,
        ),
        "net" => when(!net.one() && at_network, || net.with_prefix(net.ip)),
        "netmask" => some(net.show(net.mask())),
        "network" | "network_id" => some(net.show(net.first())),
        "network/prefix" | "subnet" => some(net.with_prefix(net.first())),
        "network_netmask" => some(format!(
            "{} {}",
            net.show(net.first()),
            net.show(net.mask())
        )),
        "network_wildcard" => some(format!(
            "{} {}",
            net.show(net.first()),
            net.show(net.hosts())
        )),
        "prefix" => Value::from(net.prefix),
        "revdns" => some(reverse_name(net)),
        "size" => Value::from(net.hosts().saturating_add(1)),
        "size_usable" => Value::from(match net.hosts() {
            0 => 0,
            1 => 2,
            hosts => hosts - 1,
        }),
        "type" if net.one() || !at_network => some("address"),
        "type" => some("network"),
        "version" => Value::from(if net.six { 6 } else { 4 }),
        "wrap" if !net.six => some(given()),
        "wrap" if net.network => some(format!("[{ip}]/{}", net.prefix)),
        "wrap" => some(format!("[{ip}]")),
        other => return by_number_or_network(net, written, other),
    })
}

/// The nth address of a network, or whether the value is in another network.
fn by_number_or_network(net: &Net, written: &str, query: &str) -> Result<Value, Error> {
    if let Ok(number) = query.parse::<i128>() {
        if net.one() {
            return Ok(some(if net.network {
                net.with_prefix(net.ip)
            } else {
                net.show(net.ip)
            }));
        }
        return Ok(match nth(net, number) {
            Some(ip) => some(net.with_prefix(ip)),
            None => Value::from(false),
        });
    }
    match Net::parse(query) {
        Some(network) => Ok(when(network.holds(net), || written.to_owned())),
        None => Err(invalid(format!("ipaddr: unknown filter type: {query}"))),
    }
}

/// Counted from the first address, or, if negative, backwards from the end.
fn nth(net: &Net, number: i128) -> Option<u128> {
    let offset = number.unsigned_abs();
    if number < 0 {
        (offset - 1 <= net.hosts()).then(|| net.last() - (offset - 1))
    } else {
        (offset <= net.hosts()).then(|| net.first() + offset)
    }
}

fn reverse_name(net: &Net) -> String {
    if !net.six {
        let octets: Vec<String> = net.show(net.ip).rsplit('.').map(str::to_owned).collect();
        return format!("{}.in-addr.arpa.", octets.join("."));
    }
    let mut name = String::new();
    for at in 0..32 {
        let digit = u32::try_from((net.ip >> (4 * at)) & 0xf).unwrap_or_default();
        name.extend(char::from_digit(digit, 16));
        name.push('.');
    }
    format!("{name}ip6.arpa.")
}

pub(super) fn ipwrap(value: &Value) -> Result<Value, Error> {
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        let wrapped = items(value)?
            .iter()
            .map(ipwrap)
            .collect::<Result<Vec<_>, _>>();
        return wrapped.map(Value::from);
    }
    let written = text(value)?;
    match Net::parse(&written) {
        Some(net) => answer(&net, &written, "wrap"),
        None => Ok(value.clone()),
    }
}

pub(super) fn nthhost(value: &Value, number: i128) -> Result<Value, Error> {
    let found = Net::parse(&text(value)?).and_then(|net| nth(&net, number).map(|ip| net.show(ip)));
    Ok(found.map_or(Value::from(false), Value::from))
}

pub(super) fn ipmath(value: &Value, amount: i128) -> Result<String, Error> {
    let written = text(value)?;
    let net = Net::parse(&written).ok_or_else(|| invalid("ipmath: the value is not an address"))?;
    let moved = if amount < 0 {
        net.ip.checked_sub(amount.unsigned_abs())
    } else {
        net.ip.checked_add(amount.unsigned_abs())
    };
    let moved = moved.filter(|ip| net.six || *ip <= u128::from(u32::MAX));
    let moved = moved.ok_or_else(|| invalid("ipmath: the result is not an address"))?;
    Ok(net.show(moved))
}

pub(super) fn ipsubnet(
    value: &Value,
    query: Option<Value>,
    index: Option<i128>,
) -> Result<Value, Error> {
    let Some(net) = Net::parse(&text(value)?) else {
        return Ok(Value::from(false));
    };
    let Some(query) = query
        .map(|query| text(&query))
        .transpose()?
        .filter(|query| !query.is_empty())
    else {
        return Ok(some(net.with_prefix(net.first())));
    };
    let Ok(length) = query.parse::<u32>() else {
        return Err(invalid(
            "ipsubnet: needs a prefix length and the number of a subnet",
        ));
    };
    if length > net.bits() {
        return Ok(Value::from(false));
    }
    let part = |first: u128| {
        let subnet = Net {
            ip: first,
            prefix: length,
            network: true,
            ..net
        };
        some(subnet.with_prefix(subnet.first()))
    };
    if net.one() {
        // The networks that contain it, the largest first.
        let number = index.unwrap_or(0);
        let from = i128::from(length) + number;
        let at = u32::try_from(from).ok().filter(|at| *at < net.bits());
        return Ok(at.map_or(Value::from(false), |at| {
            let outer = Net { prefix: at, ..net };
            some(outer.with_prefix(outer.first()))
        }));
    }
    let Some(more) = length.checked_sub(net.prefix) else {
        return Err(invalid("ipsubnet: the network is smaller than the subnet"));
    };
    let subnets = 1_i128
        .checked_shl(more)
        .filter(|subnets| *subnets > 0)
        .unwrap_or(i128::MAX);
    let Some(index) = index else {
        return Ok(some(subnets.to_string()));
    };
    let index = if index < 0 { index + subnets } else { index };
    Ok(match u128::try_from(index) {
        Ok(at) if index < subnets => part(net.first() + (at << (net.bits() - length).min(127))),
        _ => Value::from(false),
    })
}
