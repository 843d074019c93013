//! Compares the table of keywords with ssh_config(5) and the keywords that `ssh` knows.

use super::super::keyword::{Keyword, Known};

/// All keywords of ssh_config(5) of OpenSSH 10, and the GSSAPI keywords of Debian and Fedora.
#[test]
fn every_keyword_is_in_the_table() {
    for name in "\
        Host Match Tag AddKeysToAgent AddressFamily BatchMode BindAddress BindInterface CanonicalDomains \
        CanonicalizeFallbackLocal CanonicalizeHostname CanonicalizeMaxDots CanonicalizePermittedCNAMEs \
        CASignatureAlgorithms CertificateFile ChannelTimeout CheckHostIP Ciphers ClearAllForwardings \
        Compression ConnectionAttempts ConnectTimeout ControlMaster ControlPath ControlPersist \
        DynamicForward EnableEscapeCommandline EnableSSHKeysign EscapeChar ExitOnForwardFailure \
        FingerprintHash ForkAfterAuthentication ForwardAgent ForwardX11 ForwardX11Timeout \
        ForwardX11Trusted GatewayPorts GlobalKnownHostsFile GSSAPIAuthentication GSSAPIClientIdentity \
        GSSAPIDelegateCredentials GSSAPIKexAlgorithms GSSAPIKeyExchange GSSAPIRenewalForcesRekey \
        GSSAPIServerIdentity GSSAPITrustDns HashKnownHosts HostbasedAcceptedAlgorithms \
        HostbasedAuthentication HostKeyAlgorithms HostKeyAlias Hostname IdentitiesOnly IdentityAgent \
        IdentityFile IgnoreUnknown Include IPQoS KbdInteractiveAuthentication KbdInteractiveDevices \
        KexAlgorithms KnownHostsCommand LocalCommand LocalForward LogLevel LogVerbose MACs \
        NoHostAuthenticationForLocalhost NumberOfPasswordPrompts ObscureKeystrokeTiming \
        PasswordAuthentication PermitLocalCommand PermitRemoteOpen PKCS11Provider Port \
        PreferredAuthentications ProxyCommand ProxyJump ProxyUseFdpass PubkeyAcceptedAlgorithms \
        PubkeyAuthentication RefuseConnection RekeyLimit RemoteCommand RemoteForward RequestTTY \
        RequiredRSASize RevokedHostKeys SecurityKeyProvider SendEnv ServerAliveCountMax \
        ServerAliveInterval SessionType SetEnv StdinNull StreamLocalBindMask StreamLocalBindUnlink \
        StrictHostKeyChecking SyslogFacility TCPKeepAlive Tunnel TunnelDevice UpdateHostKeys User \
        UserKnownHostsFile VerifyHostKeyDNS VersionAddendum VisualHostKey WarnWeakCrypto XAuthLocation"
        .split_whitespace()
    {
        assert!(matches!(Keyword::find(name), Known::Keyword(_)), "{name}");
    }
    assert_eq!(Keyword::find("RSAAuthentication"), Known::Ignored);
    assert_eq!(Keyword::find("UseKeychain"), Known::No);
}

/// The keywords that this machine's `ssh` prints are in the table too.
#[test]
fn keywords_that_ssh_prints_are_in_the_table() {
    let output = std::process::Command::new("ssh")
        .args(["-G", "-F", "none", "h"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() > 50);
    for line in text.lines() {
        let word = line.split(' ').next().unwrap();
        assert!(matches!(Keyword::find(word), Known::Keyword(_)), "{word}");
    }
}
