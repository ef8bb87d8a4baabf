//! Under which hosts the server says it can be reached: those that the operator named, then this
//! machine's addresses in its networks, and loopback only if there is nothing else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use subrosa_proto::{Host, limits};

/// The hosts for a server that listens on these addresses.
pub(crate) fn reachable(public: &[Host], bound: &[SocketAddr]) -> Vec<Host> {
    let mut hosts = public.to_vec();
    let mut local = Vec::new();
    for address in bound {
        match address.ip().to_canonical() {
            ip if ip.is_loopback() => local.push(host(ip, address.port())),
            ip if ip.is_unspecified() => {
                let outward = outward(address.ip());
                let found = outward.into_iter().map(|ip| host(ip, address.port()));
                hosts.extend(found);
                local.push(host(Ipv4Addr::LOCALHOST.into(), address.port()));
            }
            ip => hosts.push(host(ip, address.port())),
        }
    }
    if hosts.is_empty() {
        hosts = local;
    }
    let mut seen = Vec::new();
    for host in hosts {
        if !seen.contains(&host) && seen.len() < limits::ADDRESS_HOSTS_MAX {
            seen.push(host);
        }
    }
    seen
}

fn host(ip: IpAddr, port: u16) -> Host {
    Host {
        name: ip.to_string(),
        port,
    }
}

/// The addresses from which this machine would speak to the outside. Connecting a UDP socket
/// sends nothing: it only asks the routing table. The destinations are addresses for documentation.
fn outward(listening: IpAddr) -> Vec<IpAddr> {
    const FOUR: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(192, 0, 2, 1));
    const SIX: (Ipv6Addr, Ipv6Addr) = (
        Ipv6Addr::UNSPECIFIED,
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
    );
    let four = source_towards(FOUR.0.into(), FOUR.1.into());
    let six = listening
        .is_ipv6()
        .then(|| source_towards(SIX.0.into(), SIX.1.into()))
        .flatten();
    let usable = |ip: &IpAddr| {
        let link_local = matches!(ip, IpAddr::V6(six) if six.is_unicast_link_local());
        !ip.is_loopback() && !ip.is_unspecified() && !link_local
    };
    four.into_iter().chain(six).filter(usable).collect()
}

fn source_towards(from: IpAddr, to: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((from, 0)).ok()?;
    socket.connect((to, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(public: &[&str], bound: &[&str]) -> Vec<String> {
        let public: Vec<_> = public
            .iter()
            .map(|text| Host::parse(text).unwrap())
            .collect();
        let bound: Vec<_> = bound.iter().map(|text| text.parse().unwrap()).collect();
        reachable(&public, &bound)
            .iter()
            .map(Host::to_string)
            .collect()
    }

    #[test]
    fn loopback_only_if_nothing_else() {
        assert_eq!(names(&[], &["127.0.0.1:4000"]), ["127.0.0.1:4000"]);
        assert_eq!(
            names(&[], &["127.0.0.1:4000", "192.0.2.7:4000"]),
            ["192.0.2.7:4000"]
        );
        assert_eq!(
            names(&["chat.example"], &["127.0.0.1:4000"]),
            ["chat.example"]
        );
        let any = names(&[], &["[::]:4000"]);
        assert!(
            !any.is_empty() && any.iter().all(|name| name.ends_with(":4000")),
            "{any:?}"
        );
    }

    #[test]
    fn public_hosts_come_first_and_four_are_the_most() {
        let bound = [
            "192.0.2.7:1",
            "192.0.2.8:1",
            "192.0.2.8:1",
            "192.0.2.9:1",
            "192.0.2.10:1",
        ];
        let all = names(&["chat.example"], &bound);
        assert_eq!(
            all,
            ["chat.example", "192.0.2.7:1", "192.0.2.8:1", "192.0.2.9:1"]
        );
    }
}
