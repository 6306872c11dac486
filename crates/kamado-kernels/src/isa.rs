//! Run-time choice of the instruction set.
//!
//! An [`Isa`] is a capability token: a value for AVX2 or AVX-512 can only be obtained on a processor that has it, so
//! code that holds the token may call functions compiled for it.

mod bf16;

pub(crate) use bf16::Bf16;

/// An instruction set that this processor is known to have, and how it multiplies operands known to be bfloat16 numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Isa(Kind, Option<Bf16>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Kind {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// `KAMADO_ISA` names an instruction set that does not exist or that this processor lacks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownIsa {
    /// What was asked for.
    pub requested: String,
}

impl std::fmt::Display for UnknownIsa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = Isa::available().iter().map(|isa| isa.name()).collect();
        write!(
            f,
            "KAMADO_ISA is {:?}, but this processor offers {}; unset KAMADO_ISA or choose one of these",
            self.requested,
            names.join(", ")
        )
    }
}

impl std::error::Error for UnknownIsa {}

impl Isa {
    /// The portable twin that every other instruction set is compared with.
    pub const SCALAR: Isa = Isa(Kind::Scalar, None);

    /// Every instruction set of this processor, the slowest first.
    pub fn available() -> Vec<Isa> {
        #[allow(unused_mut)]
        let mut isas = vec![Isa::SCALAR];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                isas.push(Isa(Kind::Avx2, None));
                if ["avx512f", "avx512vl", "avx512bw", "avx512dq"].iter().all(|f| has_avx512(f)) {
                    isas.push(Isa(Kind::Avx512, None));
                }
            }
        }
        isas
    }

    /// The fastest instruction set of this processor.
    pub fn best() -> Isa {
        Isa::available().pop().unwrap_or(Isa::SCALAR)
    }

    /// The instruction set named by the environment variable `KAMADO_ISA` (`scalar`, `avx2`, `avx512`), or the best.
    ///
    /// # Errors
    /// [`UnknownIsa`] if the variable names one that this processor does not have.
    pub fn from_env() -> Result<Isa, UnknownIsa> {
        match std::env::var("KAMADO_ISA") {
            Ok(requested) if !requested.is_empty() => {
                Isa::available().into_iter().find(|isa| isa.name() == requested).ok_or(UnknownIsa { requested })
            }
            _ => Ok(Isa::best()),
        }
    }

    /// The same for products whose operands all hold bfloat16 numbers (see [`UnaryFn::RoundBf16`]): such products use AMX
    /// tiles or AVX512-BF16 where the processor has them; elsewhere nothing changes, except that the scalar instruction set
    /// runs the portable twin of these instructions. Everything else runs as before.
    ///
    /// The results differ from those of [`Isa`] itself by the rounding of f32 sums alone.
    ///
    /// [`UnaryFn::RoundBf16`]: crate::elementwise::UnaryFn::RoundBf16
    #[must_use]
    pub fn for_bf16(self) -> Isa {
        Isa(self.0, Bf16::ways(self.0).next_back())
    }

    /// Every way of this processor to multiply bfloat16 numbers, for tests.
    pub fn available_for_bf16() -> Vec<Isa> {
        let with = |isa: Isa| Bf16::ways(isa.0).map(move |way| Isa(isa.0, Some(way)));
        Isa::available().into_iter().flat_map(with).collect()
    }

    /// `scalar`, `avx2` or `avx512`; for bfloat16 `scalar bf16`, `avx512bf16` or `amx`.
    pub fn name(self) -> &'static str {
        if let Some(way) = self.1 {
            return way.name();
        }
        match self.0 {
            Kind::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
        }
    }

    pub(crate) fn kind(self) -> Kind {
        self.0
    }

    pub(crate) fn bf16(self) -> Option<Bf16> {
        self.1
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx512(feature: &str) -> bool {
    match feature {
        "avx512f" => is_x86_feature_detected!("avx512f"),
        "avx512vl" => is_x86_feature_detected!("avx512vl"),
        "avx512bw" => is_x86_feature_detected!("avx512bw"),
        _ => is_x86_feature_detected!("avx512dq"),
    }
}

/// Compiles a function once per instruction set and picks one by its first argument, an [`Isa`].
///
/// The body is ordinary safe Rust written so that the compiler vectorises it:
/// `multiversion! { pub fn scale(isa; x: &mut [f32], by: f32) { for v in x { *v *= by; } } }`
/// becomes `pub fn scale(isa: Isa, x: &mut [f32], by: f32)`.
macro_rules! multiversion {
    ($(#[$meta:meta])* $vis:vis fn $name:ident(isa; $($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name(isa: $crate::isa::Isa, $($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn body($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx2($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")]
            #[allow(clippy::too_many_arguments)]
            fn avx512($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }

            match isa.kind() {
                $crate::isa::Kind::Scalar => body($($arg),*),
                #[cfg(target_arch = "x86_64")]
                // SAFETY: an `Isa` of this kind exists only where the processor has these features.
                $crate::isa::Kind::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                $crate::isa::Kind::Avx512 => unsafe { avx512($($arg),*) },
            }
        }
    };
}
#[allow(unused_imports)]
pub(crate) use multiversion;
