from assay.text.retrieval import Retrieval


def test_chinese_words_count_more_than_shared_characters():
    found = Retrieval().fit(["苹果手机", "有机 苹果汁 1L"]).search(["有机苹果汁"], 2)
    assert found.items.tolist() == [[1, 0]]
