"""Optimisers by name, among them rectified Adam, which Keras doesn't have; and the learning rate of each step."""

import math
from typing import Any

import keras
from keras import ops

from unet_studio.unet.recipes import Schedule


@keras.saving.register_keras_serializable(package="unet_studio")
class RectifiedAdam(keras.optimizers.Optimizer):  # type: ignore[misc]
    """Adam whose adaptive rate sets in only once enough gradients were seen to trust their variance.

    Reference: Liu et al. 2020, "On the variance of the adaptive learning rate and beyond", arXiv:1908.03265,
    algorithm 2; `epsilon` is added to the denominator, as in Adam.
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        name: str = "rectified_adam",
        **options: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        kind = variable.dtype
        rate, gradient = ops.cast(learning_rate, kind), ops.cast(gradient, kind)
        step = ops.cast(self.iterations + 1, kind)
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index], self._velocities[index]
        self.assign_add(momentum, (gradient - momentum) * (1 - self.beta_1))
        self.assign_add(velocity, (ops.square(gradient) - velocity) * (1 - self.beta_2))
        beta_1_power, beta_2_power = ops.power(self.beta_1, step), ops.power(self.beta_2, step)
        mean = momentum / (1 - beta_1_power)
        longest = 2 / (1 - self.beta_2) - 1
        length = self._length(step)
        # Where the length is too short the square root's value isn't used, but must be one.
        rectification = ops.sqrt(
            ops.maximum((length - 4) * (length - 2), 0) * longest / ((longest - 4) * (longest - 2) * length)
        )
        deviation = ops.sqrt(velocity / (1 - beta_2_power)) + self.epsilon
        change = ops.where(length > 4, rectification * mean / deviation, mean)
        self.assign_sub(variable, rate * change)

    def _length(self, step: Any) -> Any:
        """The length ρ of the moving average, ρ∞ - 2t β2^t / (1 - β2^t).

        During the first steps that is a small difference of large numbers, too rough in float32: there the quotient's
        series in -t ln β2 takes its place, with the large numbers' difference taken beforehand.
        """
        longest = 2 / (1 - self.beta_2) - 1
        decay = -math.log(self.beta_2)
        exponent = decay * step
        early = longest - 2 / decay + step * (1 - exponent / 6 + ops.power(exponent, 3) / 360)
        return ops.where(exponent < 0.5, early, longest - 2 * step / ops.expm1(exponent))

    def get_config(self) -> dict[str, Any]:
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return {**super().get_config(), **own}


def make_optimiser(schedule: Schedule) -> keras.optimizers.Optimizer:
    """The recipe's optimiser, with each gradient clipped by its norm (Pascanu et al. 2013, arXiv:1211.5063).

    It also keeps an exponential moving average (EMA) of the weights, after Polyak & Juditsky 1992, "Acceleration of
    stochastic approximation by averaging". Adam: Kingma & Ba 2015, arXiv:1412.6980.
    """
    options: dict[str, Any] = {
        "learning_rate": schedule.learning_rate,
        "clipnorm": schedule.clip or None,
        "use_ema": True,
        "ema_momentum": schedule.ema,
    }
    if schedule.optimiser == "sgd":
        return keras.optimizers.SGD(momentum=schedule.momentum, **options)
    return {"adam": keras.optimizers.Adam, "radam": RectifiedAdam}[schedule.optimiser](**options)


def learning_rate(schedule: Schedule, step: int, steps: int) -> float:
    """The rate of a step, 0…steps - 1: a linear warm-up from a tenth, then a half cosine down to 2 %.

    Without the decay called cosine it stays after the warm-up. References: Loshchilov & Hutter 2017, arXiv:1608.03983,
    equation 5; warm-up: Goyal et al. 2017, arXiv:1706.02677, section 2.2.
    """
    if step < schedule.warmup:
        return schedule.learning_rate * (0.1 + 0.9 * step / schedule.warmup)
    if schedule.decay != "cosine":
        return schedule.learning_rate
    share = (step - schedule.warmup) / max(1, steps - schedule.warmup)
    return schedule.learning_rate * (0.02 + 0.98 * (1 + math.cos(math.pi * min(1.0, share))) / 2)
