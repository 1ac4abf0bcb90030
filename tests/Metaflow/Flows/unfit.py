from metaflow import FlowSpec, step, trigger


@trigger(event="ready", options={"reset_at": {"cron": "0 0 * * *", "timezone": "UTC"}})
class Unfit(FlowSpec):
    @step
    def start(self):
        self.next(self.a_step_whose_name_is_longer_than_the_sixty_four_letters_that_fit_here)

    @step
    def a_step_whose_name_is_longer_than_the_sixty_four_letters_that_fit_here(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Unfit()
