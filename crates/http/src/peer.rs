//! Where a request comes from, for what is counted by client where nobody proves who they are.

use std::net::{IpAddr, Ipv6Addr};

/// The machine at the other end of a connection. What a proxy says in a header of those behind it is not believed: anybody can write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// What one client has of addresses: one of IPv4, and of IPv6 the /64 in which it can take any.
    pub(crate) fn network(self) -> String {
        match self.0.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_one_address_or_one_network_of_ipv6() {
        let check = |address: &str, network| assert_eq!(Peer(address.parse().unwrap()).network(), network);
        check("192.0.2.7", "192.0.2.7");
        check("::ffff:192.0.2.7", "192.0.2.7");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
        check("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64");
        check("2001:db8:1:3::1", "2001:db8:1:3::/64");
        check("::1", "::/64");
    }
}
