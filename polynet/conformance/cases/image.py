"""Rows for the ops of ``polynet/ops/image.py``; nothing but rows."""

from polynet.conformance.case import array, bad, case, ints
from polynet.errors import DTypeError, ShapeError

CASES = [
    case(
        "image.map_coordinates",
        array(4, 5),
        array(2, 7, low=0.1, high=2.9),
        1,
        reference="scipy.ndimage.map_coordinates(inputs, coordinates, order=1)",
    ),
    case("image.pad_images", array(2, 3, 3), 1, 0, 2, 1, reference="np.pad(images, [(1, 2), (0, 1), (0, 0)])"),
    case("image.crop_images", array(5, 6, 2), 1, 0, 2, 3, reference="images[1:3, :3]"),
    case("image.extract_patches", ints(4, 4, 1), 2,
         reference="images.reshape(2, 2, 2, 2).transpose(0, 2, 1, 3).reshape(2, 2, 4)"),
    case("image.resize", array(2, 2, 1), (2, 4), label="twice as wide",
         reference="np.stack([images[:, 0], (3 * images[:, 0] + images[:, 1]) / 4,"
         " (images[:, 0] + 3 * images[:, 1]) / 4, images[:, 1]], 1)"),
    case("image.resize", array(4, 4, 1), (2, 2), antialias=False, label="half",
         reference="images.reshape(2, 2, 2, 2, 1).mean((1, 3))"),
    case("image.resize", array(2, 2, 3), (4, 4), "nearest",
         reference="images.repeat(2, 0).repeat(2, 1)"),
    case("image.rgb_to_grayscale", array(3, 4, 3), reference="images @ np.array([[0.2989], [0.587], [0.114]])"),
]  # fmt: skip

BAD = [
    bad("image.resize", array(4, 3), (2, 2), error=ShapeError, match="images: expected 3 or 4 axes"),
    bad("image.rgb_to_hsv", ints(4, 4, 3), error=DTypeError, match="expected a floating dtype"),
    bad("image.affine_transform", array(4, 4, 3), array(6), error=ShapeError, match="transform: expected shape (8,)"),
]  # fmt: skip
