"""Recurrent layers: states, masks, dropout, cells; the rows beside Keras are in polynet/conformance/layers."""

import numpy as np
import pytest

import polynet
from polynet import errors, layers, masking, ops
from polynet.conformance.stored import host

# ------------------------------------------------------------------------------------------ states


def _sequence(*shape):
    count = np.arange(int(np.prod(shape)), dtype="float32") + 1
    return np.sin(count * 1.3).reshape(shape)


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_cell_step_by_step_gives_what_the_layer_gives(kind):
    layer = getattr(layers, kind)(5, return_state=True, return_sequences=True)
    x = _sequence(2, 4, 3)
    outputs, *ends = layer(x)
    cell = layer.cell
    states = cell.get_initial_state(batch_size=2)
    for t in range(4):
        output, states = cell(ops.convert_to_tensor(x[:, t]), states)
        np.testing.assert_allclose(host(output), host(outputs)[:, t], rtol=1e-5, atol=1e-6)
    for state, end in zip(states, ends, strict=True):
        np.testing.assert_allclose(host(state), host(end), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
@pytest.mark.parametrize("activation", ["tanh", "softsign"])
def test_stateful_goes_on_where_it_ended(kind, activation):
    whole = getattr(layers, kind)(5, activation=activation, return_sequences=True)
    x = _sequence(2, 6, 3)
    expected = host(whole(x))
    parts = getattr(layers, kind)(5, activation=activation, return_sequences=True, stateful=True)
    parts.build((2, 3, 3))
    for mine, theirs in zip(parts.trainable_weights, whole.trainable_weights, strict=True):
        mine.assign(theirs)
    for _ in range(2):
        first, second = host(parts(x[:, :3])), host(parts(x[:, 3:]))
        np.testing.assert_allclose(np.concatenate([first, second], 1), expected, atol=1e-5)
        parts.reset_state()
    assert parts.compute_output_shape((2, 7, 3)) == (2, 7, 5)
    np.testing.assert_array_equal(host(polynet.tree.flatten(parts.states)[0]), np.zeros((2, 5)))
    with pytest.raises(errors.ShapeError, match="expected 2 examples"):
        parts(x[:1])
    with pytest.raises(errors.ShapeError, match="batch size that is known"):
        getattr(layers, kind)(5, stateful=True)(polynet.Input((3, 3)))


def test_names_of_weights():
    layer = layers.LSTM(5, stateful=True, name="memory")
    layer.build((2, 3, 3))
    assert sorted({weight.path for weight in layer.weights}) == [
        "memory/lstm_cell/bias",
        "memory/lstm_cell/kernel",
        "memory/lstm_cell/recurrent_kernel",
        "memory/rnn_state",
    ]
    assert len(layer.trainable_weights) == 3


def test_initial_state_may_be_symbolic():
    x, h, c = polynet.Input((4, 3)), polynet.Input((5,)), polynet.Input((5,))
    outputs, *_ = layers.LSTM(5, return_state=True)(x, initial_state=[h, c])
    model = polynet.Model([x, h, c], outputs)
    assert outputs.shape == (None, 5)
    given = [_sequence(2, 4, 3), _sequence(2, 5), -_sequence(2, 5)]
    layer = next(layer for layer in model.layers if isinstance(layer, layers.LSTM))
    expected, *_ = layer(given[0], initial_state=given[1:])
    np.testing.assert_allclose(host(model(given)), host(expected), atol=1e-6)


def test_encoder_hands_its_states_to_a_decoder():
    source, target = polynet.Input((None, 3)), polynet.Input((None, 2))
    _, *states = layers.LSTM(4, return_state=True)(source)
    decoded = layers.LSTM(4, return_sequences=True)(target, initial_state=states)
    model = polynet.Model([source, target], decoded)
    assert model([_sequence(2, 5, 3), _sequence(2, 6, 2)]).shape == (2, 6, 4)


# ------------------------------------------------------------------------------------------- masks


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_padding_of_an_embedding_changes_nothing(kind):
    embedding = layers.Embedding(9, 3, mask_zero=True)
    layer = getattr(layers, kind)(5)
    short = ops.convert_to_tensor([[1, 2, 3]])
    padded = ops.convert_to_tensor([[1, 2, 3, 0, 0]])
    np.testing.assert_allclose(
        host(layer(embedding(padded))), host(layer(embedding(short))), atol=1e-6
    )
    tokens = polynet.Input((None,), dtype="int32")
    model = polynet.Model(tokens, layer(embedding(tokens)))
    np.testing.assert_allclose(host(model(padded)), host(model(short)), atol=1e-6)
    both = layers.Bidirectional(getattr(layers, kind)(5))
    np.testing.assert_allclose(
        host(both(embedding(padded))), host(both(embedding(short))), atol=1e-6
    )


def test_masks_reach_the_layer_after_sequences_only():
    embedding = layers.Embedding(9, 3, mask_zero=True)
    tokens = ops.convert_to_tensor([[1, 2, 0]])
    sequences = layers.GRU(5, return_sequences=True)(embedding(tokens))
    np.testing.assert_array_equal(host(masking.get_mask(sequences)), [[True, True, False]])
    assert masking.get_mask(layers.GRU(5)(embedding(tokens))) is None


def test_mask_counts_beside_a_first_state():
    layer = layers.GRU(5)
    x, h = _sequence(2, 4, 3), _sequence(2, 5)
    mask = np.array([[True, True, False, False]] * 2)
    expected = layer(x[:, :2], initial_state=h)
    found = layer(x, initial_state=h, mask=mask)
    np.testing.assert_allclose(host(found), host(expected), atol=1e-6)


# ----------------------------------------------------------------------------------------- dropout


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
@pytest.mark.parametrize("rates", [(0.5, 0.0), (0.0, 0.5), (0.5, 0.5)])
def test_dropout_acts_in_training_only_and_repeats(kind, rates):
    def made():
        return getattr(layers, kind)(
            6, dropout=rates[0], recurrent_dropout=rates[1], seed=3, return_sequences=True
        )

    x = _sequence(2, 5, 4)
    layer = made()
    plain = host(layer(x))
    np.testing.assert_array_equal(plain, host(layer(x, training=False)))
    first, second = host(layer(x, training=True)), host(layer(x, training=True))
    assert np.abs(first - plain).max() > 1e-3 and np.abs(first - second).max() > 1e-3
    again = made()
    again.build((2, 5, 4))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(host(again(x, training=True)), first)


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_one_mask_serves_all_steps(kind):
    """With inputs dropped, the loop does what it does on inputs that were multiplied by one mask before."""
    layer = getattr(layers, kind)(6, dropout=0.5, seed=1, return_sequences=True)
    x = np.ones((2, 5, 4), "float32")
    layer.build(x.shape)
    state = host(layer.cell.seed_generator.state)
    dropped = host(layer(x, training=True))
    layer.cell.seed_generator.state.assign(state)
    factor = host(layer.cell.draw_masks(2)[0])
    assert set(np.unique(factor)) == {0.0, 2.0}
    np.testing.assert_allclose(host(layer(x * factor[:, None])), dropped, atol=1e-6)


def test_dropout_within_stacked_cells():
    cells = [
        layers.LSTMCell(4, dropout=0.5, seed=1),
        layers.GRUCell(3, recurrent_dropout=0.5, seed=2),
    ]
    layer = layers.RNN(cells, return_sequences=True)
    x = _sequence(2, 5, 4)
    plain, dropped = host(layer(x)), host(layer(x, training=True))
    assert np.abs(plain - dropped).max() > 1e-3


def test_convolutional_memory_masks_and_drops():
    x = _sequence(2, 3, 6, 2)
    mask = np.array([[True, True, False], [True, False, False]])
    layer = layers.ConvLSTM1D(3, 2, return_sequences=True, zero_output_for_mask=True)
    plain, masked = host(layer(x)), host(layer(x, mask=mask))
    np.testing.assert_allclose(masked, plain * mask[:, :, None, None], atol=1e-6)
    dropping = layers.ConvLSTM1D(
        3, 2, return_sequences=True, dropout=0.5, recurrent_dropout=0.5, seed=1
    )
    dropping.build(x.shape)
    dropping.set_weights(layer.get_weights())
    np.testing.assert_allclose(host(dropping(x)), plain, atol=1e-6)
    assert np.abs(host(dropping(x, training=True)) - plain).max() > 1e-3


# ------------------------------------------------------------------------------------ cells, errors


class Halving(layers.Layer):
    """A cell of a user: adds its input to half its state."""

    state_size = 3

    def call(self, inputs, states):
        output = inputs + states[0] / 2
        return output, [output]


def test_cell_of_a_user():
    x = _sequence(2, 4, 3)
    outputs, state = layers.RNN(Halving(), return_sequences=True, return_state=True)(x)
    expected, h = [], np.zeros((2, 3))
    for t in range(4):
        h = x[:, t] + h / 2
        expected.append(h)
    np.testing.assert_allclose(host(outputs), np.stack(expected, 1), atol=1e-6)
    np.testing.assert_allclose(host(state), h, atol=1e-6)


def test_stacked_cells_give_what_layers_in_a_row_give():
    x = _sequence(2, 4, 3)
    stack = layers.RNN([layers.LSTMCell(5), layers.GRUCell(2)], return_state=True)
    last, first_states, second_states = stack(x)
    lstm, gru = layers.LSTM(5, return_sequences=True), layers.GRU(2)
    gru(lstm(x))
    lstm.set_weights(stack.cell.cells[0].get_weights())
    gru.set_weights(stack.cell.cells[1].get_weights())
    np.testing.assert_allclose(host(last), host(gru(lstm(x))), rtol=1e-5, atol=1e-6)
    assert len(first_states) == 2 and len(polynet.tree.flatten(second_states)) == 1


def test_time_distributed_in_training_goes_step_by_step_where_a_layer_keeps_statistics():
    inner = layers.BatchNormalization()
    layer = layers.TimeDistributed(inner)
    x = _sequence(4, 3, 2)
    found = host(layer(x, training=True))
    mean, spread = x.mean(0, keepdims=True), x.std(0, keepdims=True)
    np.testing.assert_allclose(found, (x - mean) / np.sqrt(spread**2 + 1e-3), atol=1e-4)


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_trains(kind):
    """The sum of a sequence is learnt."""
    polynet.utils.set_random_seed(0)
    x = np.sin(np.arange(256 * 6).reshape(256, 6, 1) ** 1.5).astype("float32")
    y = x.sum(1) / 3
    model = polynet.Sequential([layers.Bidirectional(getattr(layers, kind)(8)), layers.Dense(1)])
    model.compile(optimizer=polynet.optimizers.Adam(0.02), loss="mse")
    history = model.fit(x, y, epochs=8, batch_size=32, verbose=0)
    assert history.history["loss"][-1] < 0.05 < history.history["loss"][0]
