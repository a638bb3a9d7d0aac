"""Write the small Keras model that the guide in Spanish takes for granted: four features in, three classes out."""

import tensorflow as tf

layers = tf.keras.layers
model = tf.keras.Sequential([layers.Input((4,)), layers.Dense(4, "relu"), layers.Dense(3, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
model.save("final_iris_model.h5")
