//! The methods by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{ExplainError, Result, did_you_mean};

/// A way to attribute an answer to the parts of the input.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// `∂f/∂x`. Simonyan et al., 2013.
    Gradient,
    /// `x · ∂f/∂x`. Shrikumar et al., 2016.
    InputXGradient,
    /// `(x - b) · ∫₀¹ ∂f/∂x (b + α(x - b)) dα`. Sundararajan et al., 2017.
    IntegratedGradients,
    /// The mean gradient at noisy copies of the input. Smilkov et al., 2017.
    SmoothGrad,
    /// Channels of a convolution weighed by their mean gradient. Selvaraju et al., 2017.
    GradCam,
    /// Grad-CAM with pixel-wise weights. Chattopadhay et al., 2018.
    GradCamPlusPlus,
    /// The answer minus the answer with a window covered, averaged over the windows. Zeiler and Fergus, 2014.
    Occlusion,
    /// Shapley values: exact up to twelve players, sampled beyond. Shapley, 1953.
    Shapley,
    /// Shapley values from pairs of opposite orders, with intervals. Mitchell et al., 2022.
    SampledShapley,
    /// Shapley values by weighted least squares. Lundberg and Lee, 2017.
    KernelShap,
    /// A local linear model of parts that are there or not. Ribeiro et al., 2016.
    Lime,
    /// Contributions of the difference to a reference, by the rescale rule. Shrikumar et al., 2017.
    DeepLift,
    /// What the answer's tokens take from each token through all layers. Abnar and Zuidema, 2020.
    AttentionRollout,
    /// The same with attention that speaks for the answer alone. Chefer et al., 2021.
    AttentionXGradient,
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 14] = [
        Method::Gradient,
        Method::InputXGradient,
        Method::IntegratedGradients,
        Method::SmoothGrad,
        Method::GradCam,
        Method::GradCamPlusPlus,
        Method::Occlusion,
        Method::Shapley,
        Method::SampledShapley,
        Method::KernelShap,
        Method::Lime,
        Method::DeepLift,
        Method::AttentionRollout,
        Method::AttentionXGradient,
    ];

    /// The name, as it is written on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Method::Gradient => "gradient",
            Method::InputXGradient => "input_x_gradient",
            Method::IntegratedGradients => "integrated_gradients",
            Method::SmoothGrad => "smooth_grad",
            Method::GradCam => "grad_cam",
            Method::GradCamPlusPlus => "grad_cam_plus_plus",
            Method::Occlusion => "occlusion",
            Method::Shapley => "shapley",
            Method::SampledShapley => "sampled_shapley",
            Method::KernelShap => "kernel_shap",
            Method::Lime => "lime",
            Method::DeepLift => "deep_lift",
            Method::AttentionRollout => "attention_rollout",
            Method::AttentionXGradient => "attention_x_gradient",
        }
    }

    /// Whether the attributions are to add up to the answer minus that for the baseline.
    pub fn adds_up(self) -> bool {
        matches!(
            self,
            Method::IntegratedGradients
                | Method::Shapley
                | Method::SampledShapley
                | Method::KernelShap
                | Method::DeepLift
        )
    }

    /// Whether it is defined on the number before the last softmax or sigmoid: that of the paper, which does not
    /// saturate.
    pub(crate) fn needs_logit(self) -> bool {
        matches!(self, Method::GradCam | Method::GradCamPlusPlus | Method::DeepLift)
    }

    /// Whether it has no sign: it marks what speaks for the target alone.
    pub fn is_unsigned(self) -> bool {
        matches!(
            self,
            Method::GradCam | Method::GradCamPlusPlus | Method::AttentionRollout | Method::AttentionXGradient
        )
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Other names of methods, without marks between words.
const ALIASES: [(&str, Method); 12] = [
    ("ig", Method::IntegratedGradients),
    ("saliency", Method::Gradient),
    ("gradients", Method::Gradient),
    ("inputgradient", Method::InputXGradient),
    ("gradientxinput", Method::InputXGradient),
    ("featureablation", Method::Occlusion),
    ("shap", Method::KernelShap),
    ("shapleyvalues", Method::Shapley),
    ("shapleysampling", Method::SampledShapley),
    ("deepliftrescale", Method::DeepLift),
    ("rollout", Method::AttentionRollout),
    ("attention", Method::AttentionRollout),
];

impl FromStr for Method {
    type Err = ExplainError;

    fn from_str(text: &str) -> Result<Self> {
        let plain: String = text.replace('+', "plus").chars().filter(char::is_ascii_alphanumeric).collect();
        let plain = plain.to_ascii_lowercase();
        let named = Method::ALL.into_iter().find(|method| method.name().replace('_', "") == plain);
        let alias = || ALIASES.iter().find(|(alias, _)| *alias == plain).map(|(_, method)| *method);
        named.or_else(alias).ok_or_else(|| {
            let names: Vec<&str> = Method::ALL.iter().map(|method| method.name()).collect();
            let near = did_you_mean(text, &names);
            ExplainError::request(
                format!("there is no method {text:?}"),
                format!("{near}The methods are {}", names.join(", ")),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_understood_in_any_spelling() {
        for method in Method::ALL {
            assert_eq!(method.name().parse::<Method>().unwrap(), method);
        }
        for (text, method) in [
            ("IG", Method::IntegratedGradients),
            ("integrated-gradients", Method::IntegratedGradients),
            ("GradCAM++", Method::GradCamPlusPlus),
            ("SmoothGrad", Method::SmoothGrad),
            ("KernelSHAP", Method::KernelShap),
            ("DeepLIFT", Method::DeepLift),
        ] {
            assert_eq!(text.parse::<Method>().unwrap(), method);
        }
        let error = "oclusion".parse::<Method>().unwrap_err().to_string();
        assert!(error.contains("did you mean \"occlusion\"?"), "{error}");
    }
}
