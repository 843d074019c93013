//! Every keyword of ssh_config(5): its arguments, and its meaning for this client.

use Effect::{Honoured, Nothing, Openssh};
use Shape::{Choice, Command, Flag, Names, Number, Other, Text, Texts, Time};

/// The arguments of a keyword. A value that `ssh` refuses is also refused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `yes`, `no`, `true` or `false`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Seconds, or `1h30m`, or `none`.
    Time,
    Number,
    Text,
    /// One or more; `none` must be alone.
    Texts,
    /// Names of algorithms, separated by commas.
    Names,
    /// The rest of the line.
    Command,
    /// Values that do not matter here, at least one word.
    Other,
}

/// The meaning of a keyword for this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// This client behaves like `ssh`. A value that it does not support needs `ssh`.
    Honoured,
    /// It has no effect on a program that runs commands through `ssh`.
    Nothing,
    /// It needs `ssh`, unless it is set to one of these values.
    Openssh(&'static [&'static str]),
}

const OFF: Effect = Openssh(&["no", "false"]);
const NONE: Effect = Openssh(&["none"]);

macro_rules! keywords {
    ($($name:ident $shape:expr, $effect:expr;)*) => {
        /// A keyword. An alias is represented by the keyword that it stands for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(super) enum Keyword { $($name),* }

        const TABLE: &[(&str, Keyword, Shape, Effect)] =
            &[$((stringify!($name), Keyword::$name, $shape, $effect)),*];

        impl Keyword {
            pub(crate) const COUNT: usize = TABLE.len();
        }
    };
}

// Reasons for `Nothing`: the program turns off forwarding, tunnels and terminals (`ClearAllForwardings`,
// `RequestTTY=no`, `RemoteCommand=none`), asks the user nothing (`BatchMode`), has its own control master,
// retries and log, and nobody is there to look at a key.
keywords! {
    Host Texts, Honoured;
    Match Texts, Honoured;
    Include Texts, Honoured;
    IgnoreUnknown Text, Honoured;

    AddKeysToAgent Other, Nothing; // the user types no passphrase for a key of this client
    AddressFamily Choice(&["any", "inet", "inet6"]), Honoured;
    BatchMode Flag, Nothing;
    BindAddress Text, Honoured;
    BindInterface Text, Openssh(&[]);
    CanonicalDomains Texts, Nothing; // only with CanonicalizeHostname
    CanonicalizeFallbackLocal Flag, Nothing;
    CanonicalizeHostname Choice(&["yes", "no", "true", "false", "always"]), OFF;
    CanonicalizeMaxDots Number, Nothing;
    CanonicalizePermittedCNAMEs Texts, NONE;
    CASignatureAlgorithms Names, Honoured;
    CertificateFile Text, Honoured;
    ChannelTimeout Texts, NONE;
    CheckHostIP Flag, Honoured;
    Ciphers Names, Honoured;
    ClearAllForwardings Flag, Nothing;
    Compression Choice(&["yes", "no"]), Honoured;
    ConnectionAttempts Number, Nothing; // the program has its own retries
    ConnectTimeout Time, Honoured;
    ControlMaster Choice(&["yes", "no", "true", "false", "ask", "auto", "autoask"]), Nothing;
    ControlPath Text, Honoured; // a running master may be connected to a jump host
    ControlPersist Other, Nothing;
    DynamicForward Other, Nothing;
    EnableEscapeCommandline Flag, Nothing;
    EnableSSHKeysign Flag, Nothing; // only with HostbasedAuthentication
    EscapeChar Text, Nothing;
    ExitOnForwardFailure Flag, Nothing;
    FingerprintHash Text, Nothing;
    ForkAfterAuthentication Flag, OFF;
    ForwardAgent Text, OFF;
    ForwardX11 Flag, Honoured; // only with a DISPLAY
    ForwardX11Timeout Time, Nothing;
    ForwardX11Trusted Flag, Nothing;
    GatewayPorts Flag, Nothing;
    GlobalKnownHostsFile Texts, Honoured;
    GSSAPIAuthentication Flag, Honoured; // only with a Kerberos ticket
    GSSAPIClientIdentity Text, Nothing; // this and the next: only with GSSAPIAuthentication
    GSSAPIDelegateCredentials Flag, Nothing;
    GSSAPIKexAlgorithms Text, Nothing;
    GSSAPIKeyExchange Flag, Honoured; // like GSSAPIAuthentication
    GSSAPIRenewalForcesRekey Flag, Nothing;
    GSSAPIServerIdentity Text, Nothing;
    GSSAPITrustDns Flag, Nothing;
    HashKnownHosts Flag, Honoured;
    HostbasedAcceptedAlgorithms Names, Nothing;
    HostbasedAuthentication Flag, OFF;
    HostKeyAlgorithms Names, Honoured;
    HostKeyAlias Text, Honoured;
    HostName Text, Honoured;
    IdentitiesOnly Flag, Honoured;
    IdentityAgent Text, Honoured;
    IdentityFile Text, Honoured;
    IPQoS Other, Nothing;
    KbdInteractiveAuthentication Flag, Nothing;
    KbdInteractiveDevices Text, Nothing;
    KexAlgorithms Names, Honoured;
    KnownHostsCommand Command, NONE;
    LocalCommand Command, Honoured; // only with PermitLocalCommand
    LocalForward Other, Nothing;
    LogLevel Choice(&[
        "quiet", "fatal", "error", "info", "verbose", "debug", "debug1", "debug2", "debug3",
    ]), Nothing;
    LogVerbose Texts, Nothing;
    MACs Names, Honoured;
    NoHostAuthenticationForLocalhost Flag, Honoured;
    NumberOfPasswordPrompts Number, Nothing;
    ObscureKeystrokeTiming Other, Nothing; // only for terminals
    PasswordAuthentication Flag, Nothing;
    PermitLocalCommand Flag, Honoured;
    PermitRemoteOpen Other, Nothing;
    PKCS11Provider Text, NONE;
    Port Text, Honoured;
    PreferredAuthentications Text, Honoured;
    ProxyCommand Command, Honoured; // only `none`
    ProxyJump Command, Honoured;
    ProxyUseFdpass Flag, Nothing;
    PubkeyAcceptedAlgorithms Names, Honoured;
    PubkeyAuthentication
        Choice(&["yes", "no", "true", "false", "unbound", "host-bound"]),
        Openssh(&["yes", "true", "unbound"]);
    RefuseConnection Text, Openssh(&[]);
    RekeyLimit Texts, Honoured; // only the default
    RemoteCommand Command, Nothing;
    RemoteForward Other, Nothing;
    RequestTTY Choice(&["yes", "no", "true", "false", "force", "auto"]), Nothing;
    RequiredRSASize Number, Honoured;
    RevokedHostKeys Texts, Honoured;
    SecurityKeyProvider Text, Nothing; // for keys that this client does not use
    SendEnv Texts, Honoured;
    ServerAliveCountMax Number, Honoured;
    ServerAliveInterval Time, Honoured;
    SessionType Choice(&["none", "subsystem", "default"]), Openssh(&["default"]);
    SetEnv Texts, Honoured;
    StdinNull Flag, Nothing;
    StreamLocalBindMask Other, Nothing;
    StreamLocalBindUnlink Flag, Nothing;
    StrictHostKeyChecking
        Choice(&["yes", "no", "true", "false", "ask", "off", "accept-new"]), Honoured;
    SyslogFacility Text, Nothing;
    Tag Text, Nothing; // `Match tagged` is left to ssh
    TCPKeepAlive Flag, Nothing; // keep-alives go through the encrypted channel
    Tunnel Choice(&["yes", "no", "true", "false", "point-to-point", "ethernet"]), Nothing;
    TunnelDevice Other, Nothing;
    UpdateHostKeys Choice(&["yes", "no", "true", "false", "ask"]), Nothing;
    User Text, Honoured;
    UserKnownHostsFile Texts, Honoured;
    VerifyHostKeyDNS Choice(&["yes", "no", "true", "false", "ask"]), OFF;
    VersionAddendum Text, Nothing;
    VisualHostKey Flag, Nothing;
    WarnWeakCrypto Other, Nothing;
    XAuthLocation Text, Nothing;
}

/// Other names, from readconf.c of OpenSSH.
const ALIASES: &[(&str, Keyword)] = &[
    (
        "challengeresponseauthentication",
        Keyword::KbdInteractiveAuthentication,
    ),
    ("skeyauthentication", Keyword::KbdInteractiveAuthentication),
    ("tisauthentication", Keyword::KbdInteractiveAuthentication),
    ("dsaauthentication", Keyword::PubkeyAuthentication),
    ("identityfile2", Keyword::IdentityFile),
    ("smartcarddevice", Keyword::PKCS11Provider),
    ("keepalive", Keyword::TCPKeepAlive),
    ("hostbasedkeytypes", Keyword::HostbasedAcceptedAlgorithms),
    ("pubkeyacceptedkeytypes", Keyword::PubkeyAcceptedAlgorithms),
];

/// Keywords that `ssh` ignores, with or without a message.
const IGNORED: &[&str] = &[
    "protocol",
    "cipher",
    "fallbacktorsh",
    "globalknownhostsfile2",
    "rhostsauthentication",
    "userknownhostsfile2",
    "useroaming",
    "usersh",
    "useprivilegedport",
    "afstokenpassing",
    "kerberosauthentication",
    "kerberostgtpassing",
    "rsaauthentication",
    "rhostsrsaauthentication",
    "compressionlevel",
];

/// The classification of the first word of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Keyword(Keyword),
    Ignored,
    /// A keyword of another version of `ssh`, or a mistake.
    No,
}

impl Keyword {
    /// Finds a keyword, ignoring case.
    pub(crate) fn find(word: &str) -> Known {
        let own = TABLE
            .iter()
            .find(|(name, ..)| name.eq_ignore_ascii_case(word))
            .map(|&(_, keyword, ..)| keyword);
        let alias = || {
            ALIASES
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(word))
                .map(|&(_, keyword)| keyword)
        };
        match own.or_else(alias) {
            Some(keyword) => Known::Keyword(keyword),
            None if IGNORED.iter().any(|name| name.eq_ignore_ascii_case(word)) => Known::Ignored,
            None => Known::No,
        }
    }

    /// The spelling in ssh_config(5).
    pub(crate) const fn name(self) -> &'static str {
        TABLE[self as usize].0
    }

    pub(crate) const fn shape(self) -> Shape {
        TABLE[self as usize].2
    }

    pub(crate) const fn effect(self) -> Effect {
        TABLE[self as usize].3
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|&(_, keyword, ..)| keyword)
    }
}
