"""Speed and acceleration of a falling apple, 4.9 t² metres after t seconds, by nested tapes.

python examples/speed_and_acceleration.py
"""

import polynet

time = polynet.Variable(2.0, name="time")

with polynet.GradientTape() as outer:
    with polynet.GradientTape() as inner:
        position = 4.9 * time**2
    speed = inner.gradient(position, time)
acceleration = outer.gradient(speed, time)

print(
    f"after {time:.1f} s: fallen {position:.2f} m, speed {speed:.2f} m/s, acceleration {acceleration:.2f} m/s²"
)
