import numpy as np
import pytest
from scipy import sparse

from assay.numerics.autoencoder import gram_inverse, weights


@pytest.mark.parametrize("shape", [(40, 90), (90, 40), (50, 50), (1, 7)])
@pytest.mark.parametrize("l2", [0.01, 3.0, 500.0])
def test_the_inverse_is_numpys_whichever_side_is_smaller(shape, l2):
    X = sparse.csr_array((np.random.default_rng(0).random(shape) < 0.2).astype(float))
    dense = X.toarray()
    expected = np.linalg.inv(dense.T @ dense + l2 * np.eye(shape[1]))
    found = gram_inverse(X, l2)
    np.testing.assert_allclose(found, expected, atol=1e-12 * np.abs(expected).max() / min(l2, 1.0))
    np.testing.assert_array_equal(found, found.T)
    single = weights(found, np.float32)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, weights(found), rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("shape", [(4, 9), (9, 4)])
def test_a_singular_matrix_is_refused(shape):
    with pytest.raises(ValueError, match="singular"):
        gram_inverse(sparse.csr_array(np.zeros(shape)), 0.0)
