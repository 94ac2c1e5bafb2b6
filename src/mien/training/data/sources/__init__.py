"""One file a format, each gives `Rows`: fer2013, icml_face_data, kaggle_train, kaggle, class_folders, synthetic.

`recognize` tells which of them a path is. The rest is what they read with: `packed` and `records` for tables, `tree`,
`zipped` and `pictures` for files. `fer_plus` gives the votes that are joined.
"""
