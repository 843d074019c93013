//! Every keyword of ssh_config(5): what it takes, and what it means for a client in this process.

use Effect::{Honoured, Nothing, Openssh};
use Shape::{Choice, Command, Flag, Names, Number, Other, Text, Texts, Time};

/// What a keyword takes. A value that `ssh` would refuse is refused here too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `yes`, `no`, `true` or `false`.
    Flag,
    /// One of these words, or of those of `Flag` where it says so.
    Choice(&'static [&'static str]),
    /// Seconds, or `1h30m`, or `none`.
    Time,
    Number,
    Text,
    /// One or more; `none` alone.
    Texts,
    /// Names of algorithms, with commas.
    Names,
    /// The rest of the line.
    Command,
    /// Something that does not matter here, at least one word.
    Other,
}

/// What a keyword means for this process's own client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It is done as `ssh` does it; where a value cannot be, that value takes `ssh`.
    Honoured,
    /// It changes nothing of what ops does with `ssh`.
    Nothing,
    /// It takes `ssh`, unless it has one of these values.
    Openssh(&'static [&'static str]),
}

const OFF: Effect = Openssh(&["no", "false"]);
const NONE: Effect = Openssh(&["none"]);

macro_rules! keywords {
    ($($name:ident $shape:expr, $effect:expr;)*) => {
        /// A keyword by its own name; aliases have that of what they stand for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(super) enum Keyword { $($name),* }

        const TABLE: &[(&str, Keyword, Shape, Effect)] =
            &[$((stringify!($name), Keyword::$name, $shape, $effect)),*];

        impl Keyword {
            pub const COUNT: usize = TABLE.len();
        }
    };
}

// Why a line says `Nothing`: forwardings, tunnels and terminals are off for all that ops does (`ClearAllForwardings`,
// `RequestTTY=no`, `RemoteCommand=none`), it asks for nothing (`BatchMode`), has its own control master, its own
// attempts and its own log, and nobody is there to look at a key.
keywords! {
    Host Texts, Honoured;
    Match Texts, Honoured;
    Include Texts, Honoured;
    IgnoreUnknown Text, Honoured;

    AddKeysToAgent Other, Nothing; // a key that is used here needs nobody to type a passphrase
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
    ConnectionAttempts Number, Nothing; // ops tries again for as long as `retry_for` says
    ConnectTimeout Time, Honoured;
    ControlMaster Choice(&["yes", "no", "true", "false", "ask", "auto", "autoask"]), Nothing;
    ControlPath Text, Honoured; // a jump host may be reached by a master that runs
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
    GSSAPIKeyExchange Flag, Honoured; // as GSSAPIAuthentication
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
    ObscureKeystrokeTiming Other, Nothing; // of terminals only
    PasswordAuthentication Flag, Nothing;
    PermitLocalCommand Flag, Honoured;
    PermitRemoteOpen Other, Nothing;
    PKCS11Provider Text, NONE;
    Port Text, Honoured;
    PreferredAuthentications Text, Honoured;
    ProxyCommand Command, Honoured; // `none` is
    ProxyJump Command, Honoured;
    ProxyUseFdpass Flag, Nothing;
    PubkeyAcceptedAlgorithms Names, Honoured;
    PubkeyAuthentication
        Choice(&["yes", "no", "true", "false", "unbound", "host-bound"]),
        Openssh(&["yes", "true", "unbound"]);
    RefuseConnection Text, Openssh(&[]);
    RekeyLimit Texts, Honoured; // the default is
    RemoteCommand Command, Nothing;
    RemoteForward Other, Nothing;
    RequestTTY Choice(&["yes", "no", "true", "false", "force", "auto"]), Nothing;
    RequiredRSASize Number, Honoured;
    RevokedHostKeys Texts, Honoured;
    SecurityKeyProvider Text, Nothing; // of keys that are not used in this process
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
    Tag Text, Nothing; // `Match tagged` takes ssh
    TCPKeepAlive Flag, Nothing; // ops asks for signs of life in the encrypted channel
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

/// Other names, as readconf.c of OpenSSH has them.
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

/// What `ssh` reads over, with a message or without.
const PASSED_OVER: &[&str] = &[
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

/// What a word at the begin of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Keyword(Keyword),
    PassedOver,
    /// It may be of another version of `ssh`, or a slip.
    No,
}

impl Keyword {
    /// Case does not count.
    pub fn find(word: &str) -> Known {
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
            None if PASSED_OVER
                .iter()
                .any(|name| name.eq_ignore_ascii_case(word)) =>
            {
                Known::PassedOver
            }
            None => Known::No,
        }
    }

    /// As ssh_config(5) writes it.
    pub const fn name(self) -> &'static str {
        TABLE[self as usize].0
    }

    pub const fn shape(self) -> Shape {
        TABLE[self as usize].2
    }

    pub const fn effect(self) -> Effect {
        TABLE[self as usize].3
    }

    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|&(_, keyword, ..)| keyword)
    }
}
