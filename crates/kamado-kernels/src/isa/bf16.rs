//! Which instructions multiply bfloat16 numbers, and whether the system lets this process use them.

use super::Kind;

/// How products of bfloat16 numbers are computed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Bf16 {
    /// The portable twin.
    Scalar,
    /// `vdpbf16ps` of AVX512-BF16.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// `tdpbf16ps` on AMX tiles.
    #[cfg(target_arch = "x86_64")]
    Amx,
}

impl Bf16 {
    /// Every way that goes with an instruction set on this processor, the slowest first.
    pub(super) fn ways(kind: Kind) -> impl DoubleEndedIterator<Item = Bf16> {
        let ways: [Option<Bf16>; 2] = match kind {
            Kind::Scalar => [Some(Bf16::Scalar), None],
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => [None, None],
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => {
                [is_x86_feature_detected!("avx512bf16").then_some(Bf16::Avx512), x86::has_amx().then_some(Bf16::Amx)]
            }
        };
        ways.into_iter().flatten()
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Bf16::Scalar => "scalar bf16",
            #[cfg(target_arch = "x86_64")]
            Bf16::Avx512 => "avx512bf16",
            #[cfg(target_arch = "x86_64")]
            Bf16::Amx => "amx",
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
    use std::sync::OnceLock;

    /// Whether the processor has tiles and products of bfloat16 on them, and the system saves and permits them.
    ///
    /// Asked once: the permission is the process's, and all its threads have it.
    pub(super) fn has_amx() -> bool {
        static HAS_AMX: OnceLock<bool> = OnceLock::new();
        *HAS_AMX.get_or_init(|| processor_has_amx() && permitted())
    }

    /// By the bits of CPUID leaf 7 and of XCR0 (Intel, "Architecture instruction set extensions", chapter 3); the standard
    /// library's detection of AMX is not stable.
    #[allow(unused_unsafe)]
    fn processor_has_amx() -> bool {
        const OSXSAVE: u32 = 1 << 27;
        const AMX_BF16_AND_TILE: u32 = 1 << 22 | 1 << 24;
        const TILE_STATES: u64 = 0b11 << 17;
        // SAFETY: every x86-64 processor has CPUID; leaf 7 is read only where there is one.
        let (greatest, ecx) = unsafe { (__cpuid(0).eax, __cpuid(1).ecx) };
        if greatest < 7 || ecx & OSXSAVE == 0 {
            return false;
        }
        // SAFETY: leaf 7 exists, and OSXSAVE says that XGETBV may be used.
        let (edx, saved) = unsafe { (__cpuid_count(7, 0).edx, saved_states()) };
        edx & AMX_BF16_AND_TILE == AMX_BF16_AND_TILE && saved & TILE_STATES == TILE_STATES
    }

    #[target_feature(enable = "xsave")]
    unsafe fn saved_states() -> u64 {
        // SAFETY: the caller has seen OSXSAVE; register 0 always exists.
        unsafe { _xgetbv(0) }
    }

    /// Asks Linux (5.16 or newer) for the 8 KiB of tiles, which a process gets only if it asks.
    #[cfg(target_os = "linux")]
    fn permitted() -> bool {
        use std::ffi::c_long;
        unsafe extern "C" {
            fn syscall(number: c_long, ...) -> c_long;
        }
        const ARCH_PRCTL: c_long = 158;
        const ARCH_REQ_XCOMP_PERM: c_long = 0x1023;
        const XTILEDATA: c_long = 18;
        // SAFETY: this call reads and writes no memory of ours.
        unsafe { syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0 }
    }

    /// Other systems have other ways to ask, which are not built in.
    #[cfg(not(target_os = "linux"))]
    fn permitted() -> bool {
        false
    }
}
