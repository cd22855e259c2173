package io.virtquorum.agent;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteFeature;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The QEMU guest agent's lines as values: requests are written and answers read as streams, so that
 * no base64 text of megabytes is ever held. Immutable.
 */
final class AgentProtocol {
  /** Comes before the answer to guest-sync-delimited; never part of JSON in UTF-8. */
  static final byte SENTINEL = (byte) 0xff;

  /** Where a plain value that is not inside an object is kept in {@link Answer#values}. */
  static final String PLAIN = "";

  private static final int LONGEST_TEXT = 64 * 1024;
  private static final int MOST_ERROR = 256 * 1024;
  private static final Set<String> BINARY = Set.of("out-data", "err-data", "buf-b64");

  private final JsonFactory json =
      JsonFactory.builder()
          .disable(StreamWriteFeature.AUTO_CLOSE_TARGET)
          .disable(StreamReadFeature.AUTO_CLOSE_SOURCE)
          .streamReadConstraints(
              StreamReadConstraints.builder().maxStringLength(LONGEST_TEXT).build())
          .build();

  /**
   * @param id of the request; 0 if the line has none
   * @param fault why the agent refused; empty for a success
   * @param values Long, Boolean or String; {@link Chunks} for what is base64 on the line
   */
  record Answer(long id, Optional<Fault> fault, Map<String, Object> values) {
    long number(String name, long otherwise) {
      return values.get(name) instanceof Long number ? number : otherwise;
    }

    boolean flag(String name) {
      return values.get(name) instanceof Boolean flag && flag;
    }

    Chunks bytes(String name) {
      return values.get(name) instanceof Chunks chunks ? chunks : new Chunks(0);
    }
  }

  /** The agent's own error, in its words. */
  record Fault(String kind, String description) {}

  /**
   * Writes one request line and flushes.
   *
   * @param arguments values: String, Integer, Long, Boolean, {@code List<String>}, or byte[] for
   *     base64
   */
  void write(OutputStream to, String command, Map<String, Object> arguments, long id)
      throws IOException {
    try (JsonGenerator line = json.createGenerator(to)) {
      line.writeStartObject();
      line.writeStringField("execute", command);
      line.writeObjectFieldStart("arguments");
      for (var argument : arguments.entrySet()) {
        line.writeFieldName(argument.getKey());
        writeValue(line, argument.getValue());
      }
      line.writeEndObject();
      line.writeNumberField("id", id);
      line.writeEndObject();
      line.writeRaw('\n');
    }
  }

  /**
   * Reads one line to its end.
   *
   * @param limit most bytes to keep of a binary value (of a standard error: 256 KiB at most)
   * @return empty if the line is not an answer
   */
  Optional<Answer> read(InputStream line, int limit) throws IOException {
    Optional<Answer> answer;
    try (JsonParser parser = json.createParser(line)) {
      answer =
          parser.nextToken() == JsonToken.START_OBJECT ? object(parser, limit) : Optional.empty();
    } catch (JsonProcessingException | IllegalArgumentException garbage) {
      // The latter: what should be base64 is not.
      answer = Optional.empty();
    }
    line.transferTo(OutputStream.nullOutputStream());
    return answer;
  }

  private static Optional<Answer> object(JsonParser parser, int limit) throws IOException {
    long id = 0;
    Optional<Fault> fault = Optional.empty();
    Map<String, Object> values = new HashMap<>();
    boolean known = false;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      JsonToken token = parser.nextToken();
      switch (name) {
        case "id" -> id = token == JsonToken.VALUE_NUMBER_INT ? parser.getLongValue() : 0;
        case "return" -> {
          known = true;
          if (token == JsonToken.START_OBJECT) {
            values(parser, limit, values);
          } else {
            value(parser, PLAIN, limit, values);
          }
        }
        case "error" -> {
          known = true;
          Map<String, Object> error = new HashMap<>();
          if (token == JsonToken.START_OBJECT) {
            values(parser, limit, error);
          }
          fault =
              Optional.of(
                  new Fault(
                      String.valueOf(error.getOrDefault("class", "GenericError")),
                      String.valueOf(error.getOrDefault("desc", "no reason given"))));
        }
        default -> parser.skipChildren();
      }
    }
    return known ? Optional.of(new Answer(id, fault, Map.copyOf(values))) : Optional.empty();
  }

  private static void values(JsonParser parser, int limit, Map<String, Object> values)
      throws IOException {
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      parser.nextToken();
      value(parser, name, limit, values);
    }
  }

  private static void value(JsonParser parser, String name, int limit, Map<String, Object> values)
      throws IOException {
    switch (parser.currentToken()) {
      case VALUE_NUMBER_INT -> values.put(name, parser.getLongValue());
      case VALUE_TRUE -> values.put(name, true);
      case VALUE_FALSE -> values.put(name, false);
      case VALUE_STRING -> {
        if (BINARY.contains(name)) {
          Chunks bytes = new Chunks(name.equals("err-data") ? Math.min(limit, MOST_ERROR) : limit);
          parser.readBinaryValue(bytes);
          values.put(name, bytes);
        } else {
          values.put(name, parser.getText());
        }
      }
      default -> parser.skipChildren();
    }
  }

  private static void writeValue(JsonGenerator line, Object value) throws IOException {
    switch (value) {
      case String text -> line.writeString(text);
      case Integer number -> line.writeNumber(number);
      case Long number -> line.writeNumber(number);
      case Boolean flag -> line.writeBoolean(flag);
      case byte[] bytes -> line.writeBinary(bytes);
      case Slice slice -> line.writeBinary(slice.bytes(), slice.offset(), slice.length());
      case Iterable<?> texts -> {
        line.writeStartArray();
        for (Object text : texts) {
          line.writeString((String) text);
        }
        line.writeEndArray();
      }
      default -> throw new IllegalArgumentException("cannot be sent: " + value.getClass());
    }
  }

  /** A part of an array, so that a chunk is sent without being copied. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Slice(byte[] bytes, int offset, int length) {}
}
