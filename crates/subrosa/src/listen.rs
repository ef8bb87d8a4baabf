//! Addresses to listen on, as people type them.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use subrosa_proto::limits;

/// Reads `HOST:PORT`, `:PORT`, `PORT` or `HOST`; a missing host means all interfaces, a missing
/// port the default one, port 0 a free one.
pub fn parse(text: &str) -> Result<SocketAddr, String> {
    let all = IpAddr::from(Ipv6Addr::UNSPECIFIED);
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address);
    }
    if let Ok(ip) = text
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>()
    {
        return Ok((ip, limits::PORT).into());
    }
    if let Ok(port) = text.trim_start_matches(':').parse::<u16>() {
        return Ok((all, port).into());
    }
    let named = if text.contains(':') {
        text.to_owned()
    } else {
        format!("{text}:{}", limits::PORT)
    };
    let found = named
        .to_socket_addrs()
        .ok()
        .and_then(|mut found| found.next());
    found.ok_or_else(|| {
        "an address to listen on looks like 192.168.1.5:7673, [::]:7673, :7673 or 127.0.0.1:0"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_understood() {
        for (text, meant) in [
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:9", "[::1]:9"),
            (":9000", "[::]:9000"),
            ("9000", "[::]:9000"),
            ("192.168.1.5", "192.168.1.5:7673"),
            ("::1", "[::1]:7673"),
            ("[::1]", "[::1]:7673"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), meant, "{text}");
        }
        for text in ["", "host with spaces:1", "127.0.0.1:99999", "127.0.0.1:"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
