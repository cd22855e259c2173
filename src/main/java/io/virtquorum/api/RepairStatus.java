package io.virtquorum.api;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import io.fabric8.crd.generator.annotation.SchemaFrom;
import java.time.Duration;
import java.time.Instant;

/**
 * The last finished repair.
 *
 * @param member who was repaired
 * @param sample whose state was copied
 * @param rows rows of the fingerprint matrix that differed
 * @param bytes bytes that crossed the sync network
 * @param toRoot root after, verified, hexadecimal
 * @param duration the repaired member's own time, from its first look to the proof; the sample's
 *     before that is not in it
 * @param time when it ended
 * @param reason a sentence on why it was needed
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record RepairStatus(
    @JsonPropertyDescription("Who was repaired.") String member,
    @JsonPropertyDescription("Whose state was copied.") String sample,
    @JsonPropertyDescription("Rows of the fingerprint matrix that differed.") long rows,
    @JsonPropertyDescription("Bytes that crossed the sync network.") long bytes,
    @JsonPropertyDescription("Root after, verified.") String toRoot,
    @SchemaFrom(type = String.class)
        @JsonSerialize(using = DurationText.Writer.class)
        @JsonDeserialize(using = DurationText.Reader.class)
        @JsonPropertyDescription(
            "The repaired member's own time, from its first look to the proof.")
        Duration duration,
    @SchemaFrom(type = String.class)
        @JsonFormat(shape = JsonFormat.Shape.STRING)
        @JsonPropertyDescription("When it ended.")
        Instant time,
    @JsonPropertyDescription("Why it was needed.") String reason) {}
